"""Keeping a team's secrets: the only writers of a Secret's and a Version's columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F

from controlplane.audit import record
from controlplane.errors import DomainError, NotAllowed, NotNow
from controlplane.identity.models import User
from tenants.levels import Act
from tenants.models import Team, TenantNamespace

from . import contents, rounds
from .contents import BadSecret
from .kinds import Held, Tried, kind_of
from .models import LONGEST_NOTE, Place, Secret, SecretQuerySet, Version
from .naming import problem_with_name
from .trying.deadline import one_of_few

KEPT = 5  # versions of which the values are kept; of older ones only that they were
TRIED_EVERY = timedelta(seconds=5)
MOST = 200  # secrets of a team


class NameTaken(DomainError):
    """Another secret of the team has this name, or this place."""

    code = "name_taken"


class SharedWithAnother(DomainError):
    """What it opens is in use elsewhere, and is nobody's to share."""

    code = "shared"


@dataclass(frozen=True)
class Given:
    """What a person gave for one version. Its values are never in what is shown of it."""

    settings: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    expires_on: date | None = None


@transaction.atomic
def add(
    *,
    team: Team,
    name: str,
    kind: str,
    given: Given,
    by: User,
    now: datetime,
    namespace: TenantNamespace | None = None,
    note: str = "",
) -> Secret:
    """A new secret of a team, on its way to its namespaces."""
    _may_keep(team, by)
    _check_end(given.expires_on, now)
    held = contents.read(kind_of(kind), given.settings, given.values)
    if problem := problem_with_name(name):
        raise BadSecret(problem, field="name")
    if namespace is not None and (namespace.team_id != team.pk or namespace.deleted_at is not None):
        raise BadSecret(f"{team} has no namespace {namespace.name}.", field="namespace")
    if len(note) > LONGEST_NOTE:
        raise BadSecret(f"A note is at most {LONGEST_NOTE} characters.", field="note")
    # Locked: of two at once, the second must see the first one's name and place.
    team = Team.objects.select_for_update().get(pk=team.pk)
    _check_room(team, name, kind, namespace)
    secret = Secret(team=team, namespace=namespace, name=name, kind=kind, note=note.strip())
    _claim_place(secret, held)
    secret.full_clean()
    secret.save()
    _new_version(secret, held, given.expires_on, by=by, now=now)
    _recorded("secret.added", secret)
    return secret


@transaction.atomic
def renew(secret: Secret, *, given: Given, by: User, now: datetime) -> Version:
    """A new version in the place of the one there is. It is whole: nothing of the old one is taken over.

    Or who may write here could point a kept password to a server of their own, and read it there.
    """
    secret = _held_for_writing(secret, by)
    _check_end(given.expires_on, now)
    held = contents.read(secret.what, given.settings, given.values)
    _claim_place(secret, held)
    version = _new_version(secret, held, given.expires_on, by=by, now=now)
    _recorded("secret.renewed", secret)
    return version


@transaction.atomic
def bring_back(secret: Secret, number: int, *, by: User, now: datetime) -> Version:
    """An older version once more, as the newest. Raises NotNow for one whose values are forgotten."""
    secret = _held_for_writing(secret, by)
    old = secret.versions.filter(number=number).exclude(sealed="").first()
    if old is None or number == secret.version:
        raise NotNow(
            f"Version {number} of {secret.name} cannot be brought back: it is the one there is, or "
            f"its values are forgotten (those of the last {KEPT} versions are kept). Enter them anew."
        )
    held = contents.opened(old)
    _claim_place(secret, held)
    version = _new_version(secret, held, old.expires_on, by=by, now=now)
    _recorded("secret.brought-back", secret, of_version=number)
    return version


@transaction.atomic
def remove(secret: Secret, *, by: User, now: datetime) -> None:
    """Forget its values now, and take it from every namespace it is in. Twice is once."""
    found = _locked(secret)
    _may_keep(found.team, by)
    if found.removed_at is not None:
        return
    found.removed_at = now
    found.save(update_fields=["removed_at"])
    found.versions.exclude(sealed="").update(sealed="")
    _leave_places(found.team)
    rounds.call(found, now=now)
    _recorded("secret.removed", found)


def try_it(secret: Secret, *, by: User, now: datetime) -> Tried:
    """Try the newest version where it is used. Raises NotNow for who tries too often, CannotOpen.

    What it holds is taken together with its settings: it is shown to nobody but whom it was entered for.
    """
    held = held_of(secret, by=by)
    if not secret.what.TESTED:
        raise NotNow(
            f"What {secret.name} opens is known to your workflows alone; there is nothing to try."
        )
    with one_of_few(secret.team_id):
        _not_too_often(secret, now)
        tried = secret.what.test(held)
    _recorded("secret.tried", secret, works=tried.works)
    return tried


def held_of(secret: Secret, *, by: User) -> Held:
    """What its newest version holds, to try it; for who may keep it. Raises CannotOpen."""
    _may_keep(secret.team, by)
    if secret.removed_at is not None:
        raise NotNow(f"{secret.name} was removed; there is nothing to try.")
    return contents.opened(secret.versions.get(number=secret.version))


def may_keep(team: Team, user: User) -> bool:
    """Whether a person may write, remove and try this team's secrets."""
    return team.allows(user, Act.KEEP_SECRETS)


def _may_keep(team: Team, by: User) -> None:
    if not may_keep(team, by):
        raise NotAllowed(f"Only owners of {team} keep its secrets.")


def _check_end(expires_on: date | None, now: datetime) -> None:
    if expires_on is not None and expires_on < now.date():
        raise BadSecret("Its last day is over already.", field="expires_on")


def _held_for_writing(secret: Secret, by: User) -> Secret:
    found = _locked(secret)
    _may_keep(found.team, by)
    if found.removed_at is not None:
        raise NotNow(f"{found.name} was removed; add it anew.")
    return found


def _locked(secret: Secret) -> Secret:
    """As it is now, and nobody else's until we are done: by its team, in which names and places meet."""
    Team.objects.select_for_update().get(pk=secret.team_id)
    return Secret.objects.select_related("team", "namespace").get(pk=secret.pk)


def _check_room(team: Team, name: str, kind: str, namespace: TenantNamespace | None) -> None:
    """No two secrets meet in a namespace by their name; nor do two of which Argo has one."""
    mine = Secret.objects.live().filter(team=team)
    if mine.count() >= MOST:
        raise NotNow(f"{team} has {MOST} secrets already; remove one that is not needed.")
    meeting = _meeting(mine, namespace)
    if (other := meeting.filter(name=name).first()) is not None:
        where = f" in {other.namespace.name}" if other.namespace else ""
        raise NameTaken(
            f"{team} has a secret {name} already{where}: {other.what.TITLE}. Give that one a new version, "
            "or choose another name.",
            field="name",
        )
    offers = kind_of(kind)
    if offers.ONE_A_NAMESPACE and (other := meeting.filter(kind=kind).first()) is not None:
        raise NameTaken(
            f"{other.name} is the {offers.TITLE} there already, and Argo has one of them in a "
            "namespace. Give that one a new version, or remove it first.",
            field="kind",
        )


def _meeting(secrets: SecretQuerySet, namespace: TenantNamespace | None) -> SecretQuerySet:
    """Those that are in some namespace this one would be in."""
    if namespace is None:
        return secrets
    return secrets.filter(namespace=None) | secrets.filter(namespace=namespace)


def _claim_place(secret: Secret, held: Held) -> None:
    """No other team has this bucket, database or client. Which team that is, is not told."""
    if not (text := secret.what.belongs_to(held.settings)):
        return
    place, _ = Place.objects.get_or_create(text=text, defaults={"team": secret.team})
    if place.team_id != secret.team_id:
        raise SharedWithAnother(
            f"{text} belongs to another team here: whoever has its keys would read that team's things. "
            "Use one of this team's own."
        )


def _leave_places(team: Team) -> None:
    """What no secret of the team opens any more may be another's."""
    newest = Version.objects.filter(
        secret__in=Secret.objects.live().filter(team=team), number=F("secret__version")
    ).select_related("secret")
    held = {v.secret.what.belongs_to(v.settings) for v in newest}
    Place.objects.filter(team=team).exclude(text__in=held).delete()


def _new_version(
    secret: Secret, held: Held, expires_on: date | None, *, by: User, now: datetime
) -> Version:
    secret.version += 1
    secret.save(update_fields=["version"])
    version = Version(
        secret=secret,
        number=secret.version,
        settings=dict(held.settings),
        sizes={key: len(value) for key, value in sorted(held.values.items())},
        expires_on=expires_on,
        by=by,
    )
    version.sealed = contents.sealed(held, version)
    version.save()
    _leave_places(secret.team)
    secret.versions.filter(number__lte=secret.version - KEPT).exclude(sealed="").update(sealed="")
    rounds.call(secret, now=now)
    return version


def _not_too_often(secret: Secret, now: datetime) -> None:
    """Somebody else's server is asked: not more often than a person who mends something asks it."""
    mine = Secret.objects.filter(pk=secret.pk).exclude(tried_at__gt=now - TRIED_EVERY)
    if not mine.update(tried_at=now):
        raise NotNow(
            f"{secret.name} was tried a moment ago; wait {TRIED_EVERY.seconds} seconds between two tries."
        )


def _recorded(action: str, secret: Secret, **more: int) -> None:
    """What was done with which secret; of what it holds, nothing."""
    where = secret.namespace.name if secret.namespace else "all namespaces"
    after = {"kind": secret.kind, "version": secret.version, "where": where, **more}
    record(action, target=f"{secret.team.slug}/{secret.name}", team=secret.team.slug, after=after)
