"""The form of an exemption: what was typed or is already known, and what asking with it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.http import HttpRequest

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.policies import exemptions, references
from controlplane.policies.models import (
    LONGEST_IMAGE,
    LONGEST_SENTENCE,
    ImageExemption,
    Violation,
)
from tenants.levels import Act
from tenants.models import Team, TenantNamespace

from .asked_for import whole

USUAL = timedelta(days=7)
DAY = timedelta(days=1)
FIELDS = ("team", "namespace", "image", "digest", "reason", "until")
MOST_NAMESPACES = 200  # in the list; who has more exempts for the whole team, or over the API
# What the service calls it, and what the form does.
NAMED = {"not_after": "until", "not_before": "until"}


@dataclass
class Wish:
    """The form as it stands. `refused`: a sentence by the field it is about; "" is the whole form."""

    teams: list[Team]
    team: Team | None
    namespaces: list[TenantNamespace]
    typed: dict[str, str]
    first: date
    last: date
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def longest(self) -> int:
        return settings.EXEMPTION_DAYS

    @property
    def most_image(self) -> int:
        return LONGEST_IMAGE

    @property
    def most_reason(self) -> int:
        return LONGEST_SENTENCE


def of_request(request: HttpRequest, user: User, now: datetime) -> Wish:
    """What a form sent, or an address says."""
    said = request.POST if request.method == "POST" else request.GET
    typed = {name: said.get(name, "").replace("\0", "") for name in FIELDS}
    return wish(user, typed, now)


def of_violation(violation: Violation, user: User, now: datetime) -> Wish:
    """Filled in with what was refused."""
    team = violation.team
    typed = {
        "team": team.slug if team else "",
        "namespace": _key_of(violation),
        "image": violation.image,
    }
    return wish(user, typed, now)


def of_place(place: TenantNamespace, image: str, user: User, now: datetime) -> Wish:
    """Filled in with what a link says was refused."""
    return wish(user, {"team": place.team.slug, "namespace": str(place.pk), "image": image}, now)


def wish(user: User, typed: Mapping[str, str], now: datetime) -> Wish:
    """The form of this person, as typed; what was not said yet is filled in."""
    teams = list(Team.objects.allowing(user, Act.SUBMIT_WORKFLOWS))
    chosen = next((t for t in teams if t.slug == typed.get("team")), None)
    team = chosen or (teams[0] if len(teams) == 1 and not typed.get("team") else None)
    live = TenantNamespace.objects.live().filter(team=team).select_related("cluster")
    last = last_day(now)
    filled = dict.fromkeys(FIELDS, "") | dict(typed)
    filled["until"] = filled["until"] or min(now.date() + USUAL, last).isoformat()
    filled["digest"] = filled["digest"] or digest_in(filled["image"])
    return Wish(
        teams=teams,
        team=team,
        namespaces=list(live.order_by("name", "pk")[:MOST_NAMESPACES]) if team else [],
        typed=filled,
        first=now.date(),
        last=last,
    )


def send(wished: Wish, user: User, now: datetime) -> ImageExemption | None:
    """Ask with it. None: it was refused, and the form says where."""
    typed = wished.typed
    if wished.team is None:
        wished.refused["team"] = "Choose one of your teams."
    if typed["namespace"] and (place := place_of(wished)) is None:
        wished.refused["namespace"] = "Choose one of the team's namespaces, or all of them."
    ends = end_of(typed["until"])
    if ends is None:
        wished.refused["until"] = f"Write the last day as {wished.last:%Y-%m-%d}."
    if wished.refused or wished.team is None or ends is None:
        return None
    try:
        return exemptions.ask(
            team=wished.team,
            by=user,
            image=typed["image"].strip(),
            digest=typed["digest"].strip(),
            reason=typed["reason"],
            namespace=place if typed["namespace"] else None,
            not_after=ends,
            now=now,
        )
    except DomainError as refusal:
        name = NAMED.get(refusal.field or "", refusal.field or "")
        wished.refused[name if name in FIELDS else ""] = refusal.sentence
        return None


def place_of(wished: Wish) -> TenantNamespace | None:
    """The namespace chosen, if it is the team's."""
    live = TenantNamespace.objects.live().filter(team=wished.team)
    return live.filter(pk=whole(wished.typed["namespace"])).first()


def end_of(day: str) -> datetime | None:
    """The end of the day that was typed; None for what is no day."""
    try:
        return datetime.combine(date.fromisoformat(day.strip()), time.min, UTC) + DAY
    except (ValueError, OverflowError):
        return None


def last_day(now: datetime) -> date:
    """The last day whose end is not beyond the longest exemption."""
    return (now + timedelta(days=settings.EXEMPTION_DAYS)).astimezone(UTC).date() - DAY


def last_day_of(exemption: ImageExemption) -> date:
    """The day on whose end, or in whose course, what was asked for ends."""
    return (exemption.not_after.astimezone(UTC) - timedelta(microseconds=1)).date()


def digest_in(image: str) -> str:
    """The digest that an image is written with; '' for none."""
    try:
        return references.parse(image).digest or ""
    except references.NotAReference:
        return ""


def _key_of(violation: Violation) -> str:
    """The namespace's key, if it is (still) a workload namespace of that team."""
    live = TenantNamespace.objects.live().filter(
        team=violation.team_id, cluster=violation.cluster_id, name=violation.namespace
    )
    return str(live.values_list("pk", flat=True).first() or "")
