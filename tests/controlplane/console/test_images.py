"""Images on pages: what was refused and where, a denial's link, exemptions, and what may run."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.console import image_words
from controlplane.console.image_rules import RULES, rule_of
from controlplane.identity.models import User
from controlplane.policies import exemptions, sightings
from controlplane.policies.document import read as document_of
from controlplane.policies.folding import Sighting
from controlplane.policies.models import ImageExemption, RollOut, Violation
from controlplane.policies.sightings import Scanned
from controlplane.policies.verdict import Code
from tenants.models import TenantNamespace
from tests.browsing import FRAME, browser, queries
from tests.controlplane.console.pages import HTMX, read, words
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)
from tests.images import FOREIGN, HARBOR, asked, nothing_said, policy, sighting

pytestmark = pytest.mark.django_db

LIST, CSV, EXEMPTIONS, NEW, INBOX = (
    *("/violations/", "/violations/export.csv", "/exemptions/", "/exemptions/new/", "/inbox/"),
)
UNKNOWN = f"/v/{'0' * 32}/"
TEAM = [owner_of, member_of, viewer_of]


@pytest.fixture(autouse=True)
def _only_harbor() -> None:
    nothing_said()
    policy(allow=[HARBOR])


def place(name: str = "payments", **fields: Any) -> TenantNamespace:
    return NamespaceFactory(name=name, **fields)


def seen(where: TenantNamespace, *, hours: float = 0, **changed: Any) -> Violation:
    """What an agent told of a refusal, so many hours ago."""
    at = timezone.now() - timedelta(hours=hours)
    said: Sighting = sighting(changed.pop("namespace", where.name), at=at, **changed)
    sightings.record(cluster=where.cluster, now=timezone.now(), sightings=[said])
    return Violation.objects.get(cluster=where.cluster, same=said.same)


def link(violation: Violation) -> str:
    return f"/v/{violation.same}/"


def wish(where: TenantNamespace, **changed: str) -> dict[str, str]:
    until = timezone.now().date() + timedelta(days=3)
    said = {"team": where.team.slug, "namespace": str(where.pk), "image": FOREIGN}
    return {**said, "digest": "", "reason": "Until Monday.", "until": until.isoformat(), **changed}


def waiting(where: TenantNamespace, **more: Any) -> ImageExemption:
    return asked(where.team, now=timezone.now(), **more)


def at(exemption: ImageExemption) -> str:
    return f"{EXEMPTIONS}{exemption.pk}/"


def test_a_team_reads_that_its_exemption_was_approved_by_one_who_approves_no_more() -> None:
    where = place()
    exemption = waiting(where)
    exemptions.approve(exemption, by=approver(), now=timezone.now())
    client = browser(viewer_of(where.team))
    for page in (at(exemption), EXEMPTIONS):
        assert "looked at again" not in read(client, page)

    exemption.refresh_from_db()
    User.objects.filter(pk=exemption.approved_by_id).update(claimed_groups=[])

    by = exemption.approved_by.username
    assert "To be looked at again" in read(client, at(exemption))
    assert f"{by} approved it and is no approver any more" in read(client, at(exemption))
    assert f"to be looked at again: {by} approves no more" in read(client, EXEMPTIONS)
    exemptions.end(exemption, by=owner_of(where.team), now=timezone.now())
    assert "looked at again" not in read(client, at(exemption))


# Whose it is.


@pytest.mark.parametrize(
    "path",
    [LIST, CSV, EXEMPTIONS, NEW, UNKNOWN, "/v/", "/exemptions/1/", "/namespaces/1/images/"],
)
def test_a_stranger_is_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"] == f"/sign-in/?next={path}"


def test_another_teams_violations_are_on_no_list_of_mine() -> None:
    theirs = place()
    seen(theirs)
    client = browser(owner_of(TeamFactory()))

    assert FOREIGN not in read(client, LIST)
    assert FOREIGN not in b"".join(client.get(CSV).streaming_content).decode()  # type: ignore[attr-defined]
    assert FOREIGN not in read(client, LIST, namespace=theirs.name, q="miner")


def test_another_teams_link_says_the_same_as_one_that_nobody_has() -> None:
    theirs = seen(place())
    client = browser(owner_of(TeamFactory()))

    hidden, unknown = client.get(link(theirs)), client.get(UNKNOWN)

    assert (hidden.status_code, unknown.status_code) == (404, 404)
    said = [words(page.content.decode()) for page in (hidden, unknown)]
    assert said[0] == said[1]
    assert "not here yet" in said[0]


def test_another_teams_namespace_and_image_are_told_apart_from_nothing_by_nobody() -> None:
    theirs = place()
    seen(theirs)
    client = browser(owner_of(TeamFactory()))

    for name in (theirs.name, f"{theirs.name}-argo", "no-such-namespace", ""):
        answer = client.get("/v/", {"namespace": name, "image": FOREIGN})
        assert answer.status_code == 404
        assert FOREIGN not in words(answer.content.decode())
        part = client.get("/v/", {"namespace": name, "image": FOREIGN}, headers=HTMX)
        assert part.headers.get("HX-Refresh") is None


def test_another_teams_exemption_and_policy_are_not_there() -> None:
    theirs = place()
    exemption = waiting(theirs)
    client = browser(owner_of(TeamFactory()))

    assert client.get(at(exemption)).status_code == 404
    for act in ("approve", "reject", "end"):
        assert client.post(at(exemption), {"act": act, "reject_note": "no"}).status_code == 404
    assert client.get(f"/namespaces/{theirs.pk}/images/").status_code == 404
    assert FOREIGN not in read(client, EXEMPTIONS)
    exemption.refresh_from_db()
    assert exemption.state == "pending"


def test_nobody_asks_for_another_team_or_for_its_namespace() -> None:
    theirs, mine = place(), place("mine")
    client = browser(member_of(mine.team))

    other_team = client.post(NEW, wish(theirs))
    other_place = client.post(NEW, wish(mine, namespace=str(theirs.pk)))

    assert (other_team.status_code, other_place.status_code) == (400, 400)
    assert "Choose one of the team" in words(other_place.content.decode())
    assert not ImageExemption.objects.exists()


def test_the_violation_a_form_came_from_is_shown_to_its_team_alone() -> None:
    theirs = seen(place())

    page = read(browser(owner_of(TeamFactory())), NEW, of=str(theirs.pk))

    assert FOREIGN not in page


# The list.


@pytest.mark.parametrize("who", TEAM)
def test_the_list_says_what_where_why_how_often_and_how_to_mend_it(who: Who) -> None:
    where = place()
    seen(where, name="hello-7xk", hours=1)
    seen(where, name="hello-7xk")

    page = read(browser(who(where.team)), LIST)

    for said in (
        FOREIGN,
        where.name,
        f"on {where.cluster.name}",
        *("Pod hello-7xk", "container main", "spec.containers[0].image", "no rule allows it"),
        *("Not among the images allowed here", "Use an image from a repository", "Refused"),
        *("2 time", "first 1 h ago", "1 in the last 24 hours"),
    ):
        assert said in page


def test_every_rule_of_the_policy_has_words_and_a_way_out() -> None:
    assert set(RULES) == set(Code)
    assert all(rule.title and rule.fix.endswith((".", ")")) for rule in RULES.values())
    assert "admins" in rule_of("a-rule-of-next-year").fix


def test_the_list_is_narrowed_by_its_address() -> None:
    where = place()
    seen(where, image="evil.example/a:1")
    seen(where, image="evil.example/b:1", code="forbidden-tag", source="webhook")
    client = browser(owner_of(where.team))

    for query in ({"q": "/b"}, {"code": "forbidden-tag"}, {"source": "webhook"}):
        page = read(client, LIST, **query)
        assert ("example/b:1" in page, "example/a:1" in page) == (True, False), query
    assert "No violation is like that" in read(client, LIST, cluster="elsewhere", q="\0'%")


def test_what_is_gone_is_shown_only_where_it_is_asked_for() -> None:
    where, now = place(), timezone.now()
    seen(where, state="running", source="scanner", hours=1)
    sightings.record(cluster=where.cluster, now=now, scanned=[Scanned(where.name, now, 3)])
    client = browser(owner_of(where.team))

    assert FOREIGN not in read(client, LIST)
    assert FOREIGN in read(client, LIST, state="gone")


def test_a_namespace_is_clean_as_of_its_last_scan_or_says_since_when_it_is_not() -> None:
    where, now = place(), timezone.now()
    client = browser(owner_of(where.team))
    assert "Nothing was scanned yet" in read(client, LIST)

    sightings.record(cluster=where.cluster, now=now, scanned=[Scanned(where.name, now, 3)])
    assert f"Clean as of {now:%H:%M}" in read(client, LIST)

    later = now + timedelta(seconds=9)
    broken = sighting(where.name, at=later, state="running", source="scanner")
    told = {"sightings": [broken], "scanned": [Scanned(where.name, later, 3)]}
    sightings.record(cluster=where.cluster, now=later, **told)  # type: ignore[arg-type]
    page = read(client, LIST)
    assert "Not clean" in page
    assert "0 of 1 namespaces are clean" in page


def test_the_list_says_what_it_cannot_know() -> None:
    page = read(browser(owner_of(place().team)), LIST)

    assert "denied kubectl on a managed cluster is seen by that person alone" in page


def test_the_csv_has_what_the_narrowed_list_has_and_runs_no_formula() -> None:
    where = place()
    seen(where, name="=cmd()", image="evil.example/a:1")
    seen(where, image="evil.example/b:1")
    client = browser(viewer_of(where.team))

    answer = client.get(CSV, {"q": "/a"})
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]

    assert answer["Content-Disposition"].startswith('attachment; filename="violations-')
    assert [row[rows[0].index("image")] for row in rows[1:]] == ["evil.example/a:1"]
    assert rows[1][rows[0].index("name")] == "'=cmd()"


def test_what_is_of_no_team_is_the_platforms_alone() -> None:
    where = place()
    violation = seen(where, namespace="", kind="ClusterWorkflowTemplate")

    assert FOREIGN in read(browser(approver()), LIST)
    assert FOREIGN not in read(browser(owner_of(where.team)), LIST)
    page = read(browser(approver()), link(violation))
    assert "No exemption would help here" in page


def test_the_list_and_its_frame_take_the_same_queries_however_long_it_is() -> None:
    where = place()
    seen(where)
    client = browser(owner_of(where.team))
    cost = queries(client, LIST)

    for n in range(30):
        seen(where, image=f"evil.example/other:{n}")

    assert queries(client, LIST) == cost <= FRAME + 6
    assert "1 to 25 of 31" in read(client, LIST)


# The numbers elsewhere.


def test_home_and_the_namespace_say_how_many_broke_the_policy_lately() -> None:
    where = place()
    seen(where)
    seen(where, name="a-day-ago", hours=25)
    seen(where, namespace=f"{where.name}-argo")
    client = browser(owner_of(where.team))

    assert "2 images broke the policy in 24 h" in read(client, "/")
    assert "2 images broke the policy in 24 h" in read(client, f"/namespaces/{where.pk}/")
    assert "Violations 2" in read(client, "/crons/")


def test_of_two_namespaces_of_one_name_each_has_its_own_number() -> None:
    one = place()
    other = place(team=one.team)
    seen(one)
    client = browser(owner_of(one.team))

    assert "1 image broke" in read(client, f"/namespaces/{one.pk}/")
    assert "No image broke" in read(client, f"/namespaces/{other.pk}/")


# A denial's link.


@pytest.mark.parametrize("who", [owner_of, member_of])
def test_a_denials_link_opens_the_exemption_filled_in(who: Who) -> None:
    where = place()
    violation = seen(where)

    answer = browser(who(where.team)).get(link(violation))

    html = answer.content.decode()
    assert answer.status_code == 200
    assert f'value="{FOREIGN}"' in html
    assert f'<option value="{where.pk}" selected>' in html
    assert f'name="of" value="{violation.pk}"' in html


def test_a_link_without_its_last_stroke_leads_to_the_page() -> None:
    where = place()
    violation = seen(where)

    answer = browser(owner_of(where.team)).get(link(violation).rstrip("/"), follow=True)

    assert FOREIGN in words(answer.content.decode())


def test_an_image_with_a_digest_fills_in_the_digest() -> None:
    where = place()
    digest = "sha256:" + "a" * 64
    violation = seen(where, image=f"evil.example/miner@{digest}")

    html = browser(owner_of(where.team)).get(link(violation)).content.decode()

    assert f'name="digest" value="{digest}"' in html


def test_who_may_only_look_is_told_who_asks() -> None:
    where = place()
    violation = seen(where)

    for person in (viewer_of(where.team), approver()):
        page = read(browser(person), link(violation))
        assert "Owners and members of" in page
        assert "Ask for it" not in page


def test_a_link_that_is_opened_before_its_denial_arrived_turns_into_its_page() -> None:
    where = place()
    client = browser(owner_of(where.team))
    said = sighting(where.name, at=timezone.now())
    path = f"/v/{said.same}/"
    assert client.get(path).status_code == 404
    before = client.get(path, headers=HTMX)
    assert (before.status_code, before.headers.get("HX-Refresh")) == (200, None)

    sightings.record(cluster=where.cluster, now=timezone.now(), sightings=[said])

    assert client.get(path, headers=HTMX).headers["HX-Refresh"] == "true"
    assert FOREIGN in read(client, path)


def test_a_page_that_waits_stops_asking_after_a_while() -> None:
    client = browser(owner_of(place().team))

    assert "looks again by itself" in words(client.get(UNKNOWN).content.decode())
    late = client.get(UNKNOWN, {"look": "20"}).content.decode()
    assert "should have been here by now" in words(late)
    assert "hx-trigger" not in late.partition("<main")[2]
    assert "refresh" not in late.partition("<body")[0]


def test_a_link_of_the_api_server_itself_carries_enough_for_the_form() -> None:
    where = place()
    query = {"namespace": where.name, "image": FOREIGN}

    answer = browser(member_of(where.team)).get("/v/", query)

    html = answer.content.decode()
    assert answer.status_code == 200
    assert f'value="{FOREIGN}"' in html
    assert "Not among the images allowed here" in html


def test_once_its_denial_is_here_that_link_leads_to_it() -> None:
    where = place()
    violation = seen(where)
    query = {"namespace": where.name, "image": FOREIGN}

    answer = browser(member_of(where.team)).get("/v/", query)

    assert answer["Location"] == link(violation)


def test_no_exemption_is_offered_where_none_would_help() -> None:
    where = place()
    client = browser(owner_of(where.team))
    templated = seen(where, image="{{image}}", code="templated-image")
    control = seen(where, namespace=f"{where.name}-argo")

    assert "No exemption would help here" in read(client, link(templated))
    assert "there are no exemptions in it" in read(client, link(control))
    argo = read(client, "/v/", namespace=f"{where.name}-argo", image="evil.example/other:1")
    assert "there are none for control namespaces" in argo


def test_an_exemption_that_stands_is_named_instead_of_the_form() -> None:
    where = place()
    violation = seen(where)
    exemption = waiting(where)
    client = browser(owner_of(where.team))

    assert f"exemption #{exemption.pk}" in read(client, link(violation))
    exemptions.approve(exemption, by=approver(), now=timezone.now())
    page = read(client, link(violation))
    assert "It may run until" in page
    assert "Ask for it" not in page


# Asking.


def test_what_is_asked_waits_for_an_approver() -> None:
    where = place()
    client = browser(member_of(where.team))

    answer = client.post(NEW, wish(where), follow=True)

    made = ImageExemption.objects.get()
    assert (made.image, made.namespace, made.state) == (FOREIGN, where, "pending")
    assert answer.redirect_chain[-1][0] == at(made)
    assert "Waits for a decision" in words(answer.content.decode())


def test_it_lasts_to_the_end_of_its_last_day() -> None:
    where = place()
    client = browser(member_of(where.team))
    day = timezone.now().date() + timedelta(days=3)

    client.post(NEW, wish(where, namespace="", until=day.isoformat()))

    made = ImageExemption.objects.get()
    assert made.not_after == datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    assert made.namespace is None


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"reason": " "}, "reason", "Say why"),
        ({"image": "Not An Image"}, "image", "is no image"),
        ({"digest": "sha256:" + "b" * 64}, "digest", "carries it"),
        ({"until": "2001-01-01"}, "until", "past already"),
        ({"until": "9999-12-31"}, "until", "Write the last day as"),
        ({"until": "tomorrow"}, "until", "Write the last day as"),
        ({"until": "2300-01-01"}, "until", "90 days at most"),
        ({"team": ""}, "team", ""),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(
    changed: dict[str, str], field: str, sentence: str
) -> None:
    where = place()
    both = [where.team.member_group, TeamFactory().member_group]
    client = browser(PersonFactory(claimed_groups=both))

    answer = client.post(NEW, wish(where, **{"reason": "Kept words.", **changed}))

    html = answer.content.decode()
    assert answer.status_code == 400
    hint = html.partition(f'id="hint-{field}"')[2].partition("</span>")[0]
    assert sentence in hint
    assert f'aria-describedby="hint-{field}" aria-invalid="true"' in html
    assert "Kept words." in html or "reason" in changed
    assert not ImageExemption.objects.exists()


def test_the_same_image_is_not_asked_for_twice() -> None:
    where = place()
    first = waiting(where)

    answer = browser(member_of(where.team)).post(NEW, wish(where))

    assert answer.status_code == 400
    assert f"Exemption #{first.pk}" in words(answer.content.decode())


def test_who_submits_nothing_asks_for_nothing() -> None:
    where = place()

    for person in (viewer_of(where.team), approver()):
        assert "of no team" in read(browser(person), NEW)
        assert browser(person).post(NEW, wish(where)).status_code == 400
    assert not ImageExemption.objects.exists()


# Deciding.


def test_an_approver_finds_it_in_the_inbox_and_gives_less_than_was_asked() -> None:
    where = place()
    exemption = waiting(where, days=7)
    client = browser(approver())
    assert FOREIGN in read(client, INBOX)
    assert "Inbox 1" in read(client, "/")
    until = timezone.now().date() + timedelta(days=2)

    client.post(
        at(exemption), {"act": "approve", "until": until.isoformat(), "note": "Only so long."}
    )

    exemption.refresh_from_db()
    assert exemption.state == "approved"
    assert exemption.not_after.date() == until + timedelta(days=1)
    page = read(client, at(exemption))
    assert "Only so long." in page
    assert f"approved until {exemption.not_after:%-d %b %Y}" in page
    assert FOREIGN not in read(client, INBOX)


def test_the_day_that_was_asked_for_keeps_its_very_minute() -> None:
    exemption = waiting(place(), days=7)
    day = exemption.not_after.date().isoformat()

    browser(approver()).post(at(exemption), {"act": "approve", "until": day})

    before = exemption.not_after
    exemption.refresh_from_db()
    assert (exemption.state, exemption.not_after) == ("approved", before)


@pytest.mark.parametrize("days", [30, -3])
def test_nobody_approves_for_longer_than_was_asked_or_for_the_past(days: int) -> None:
    exemption = waiting(place(), days=7)
    until = timezone.now().date() + timedelta(days=days)

    answer = browser(approver()).post(
        at(exemption), {"act": "approve", "until": until.isoformat(), "note": "Kept words."}
    )

    exemption.refresh_from_db()
    assert (answer.status_code, exemption.state) == (400, "pending")
    assert "Kept words." in answer.content.decode()
    assert 'aria-invalid="true"' in answer.content.decode()


def test_a_rejection_says_why() -> None:
    where = place()
    exemption = waiting(where)
    client = browser(approver())

    assert client.post(at(exemption), {"act": "reject", "reject_note": ""}).status_code == 400
    client.post(at(exemption), {"act": "reject", "reject_note": "Push it to Harbor."})

    page = read(browser(member_of(where.team)), at(exemption))
    assert "Push it to Harbor." in page
    assert "Rejected" in page


def test_nobody_decides_on_their_own() -> None:
    where = place()
    both = PersonFactory(claimed_groups=[where.team.member_group, "argosy-approvers"])
    exemption = waiting(where, by=both)
    client = browser(both)

    assert "somebody else decides" in read(client, at(exemption))
    inbox = client.get(INBOX)
    assert (inbox.context["exemptions"], inbox.context["my_exemptions"]) == ([], [exemption])
    for act in ("approve", "reject"):
        said = {"act": act, "reject_note": "no"}
        assert client.post(at(exemption), said).status_code == 403
    exemption.refresh_from_db()
    assert exemption.state == "pending"


@pytest.mark.parametrize("who", TEAM)
def test_a_team_does_not_decide(who: Who) -> None:
    where = place()
    exemption = waiting(where)

    answer = browser(who(where.team)).post(at(exemption), {"act": "approve"})

    exemption.refresh_from_db()
    assert (answer.status_code, exemption.state) == (403, "pending")


def test_a_team_ends_what_it_asked_for_and_a_viewer_does_not() -> None:
    where = place()
    exemption = waiting(where)
    assert browser(viewer_of(where.team)).post(at(exemption), {"act": "end"}).status_code == 403

    browser(owner_of(where.team)).post(at(exemption), {"act": "end", "end_note": "Not needed."})

    exemption.refresh_from_db()
    assert exemption.state == "ended"
    assert "Not needed." in read(browser(viewer_of(where.team)), at(exemption))


def test_an_act_that_is_none_is_not_there() -> None:
    exemption = waiting(place())

    assert browser(approver()).post(at(exemption), {"act": "extend"}).status_code == 404


def test_a_second_decision_is_told_of_the_first() -> None:
    exemption = waiting(place())
    exemptions.approve(exemption, by=approver(), now=timezone.now())

    answer = browser(approver()).post(at(exemption), {"act": "reject", "reject_note": "no"})

    assert answer.status_code == 409
    assert "is approved already" in words(answer.content.decode())


def moved(exemption: ImageExemption, days: float) -> None:
    """As if it had been asked for that long ago."""
    back = timedelta(days=days)
    ImageExemption.objects.filter(pk=exemption.pk).update(
        requested_at=exemption.requested_at - back, not_after=exemption.not_after - back
    )


def test_time_alone_makes_one_expired_and_another_void() -> None:
    where = place()
    expired = exemptions.approve(waiting(where), by=approver(), now=timezone.now())
    void = waiting(where, image="evil.example/other:1")
    for each in (expired, void):
        moved(each, days=30)
    client = browser(viewer_of(where.team))

    assert "its image is refused again" in read(client, at(expired))
    assert "before anybody decided" in read(client, at(void))
    assert FOREIGN in read(client, EXEMPTIONS, state="expired")
    assert FOREIGN not in read(client, EXEMPTIONS, state="approved")
    assert "other:1" in read(client, EXEMPTIONS, state="void")
    assert "other:1" not in read(browser(approver()), INBOX)


def test_the_pages_of_exemptions_take_the_same_queries_however_many_there_are() -> None:
    where = place()
    exemption = waiting(where)
    member, decider = browser(owner_of(where.team)), browser(approver())
    cost = [queries(member, EXEMPTIONS), queries(decider, INBOX), queries(decider, at(exemption))]

    for n in range(30):
        waiting(where, image=f"evil.example/miner-{n}:1")
        seen(where, name=f"pod-{n}")

    after = [queries(member, EXEMPTIONS), queries(decider, INBOX), queries(decider, at(exemption))]
    assert after == cost
    assert cost[0] <= FRAME + 3
    assert cost[2] <= FRAME + 4


# What may run here.


@pytest.mark.parametrize("who", [*TEAM, approver, platform_admin])
def test_the_policy_of_a_namespace_is_said_in_words(who: Any) -> None:
    where = place()
    policy("more", deny=[{"registry": "harbor.corp.example", "repository": "payments/legacy"}])
    policy("tags", tags={"forbid": ["latest"]})

    person = who() if who in {approver, platform_admin} else who(where.team)
    page = read(browser(person), f"/namespaces/{where.pk}/images/")

    for said in (
        *("harbor.corp.example/payments/… all under it", "quay.io/argoproj/argoexec"),
        *("these and nothing else", "harbor.corp.example/payments/legacy this repository"),
        *("Never latest", "Not required; where there is one", "Enforce : what breaks"),
        "the team's first day",
    ):
        assert said in page.replace("&#x27;", "'")


def test_a_team_in_audit_reads_since_when_and_why() -> None:
    where = place()
    RollOut.objects.create(
        team=where.team, mode="audit", since=timezone.now() - timedelta(days=3), reason="A trial."
    )

    page = read(browser(viewer_of(where.team)), f"/namespaces/{where.pk}/images/")

    assert "Only reports" in page
    assert "3 d ago" in page
    assert "A trial." in page


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_image_is_tried_before_it_is_used(headers: dict[str, str]) -> None:
    where = place()
    client, path = browser(member_of(where.team)), f"/namespaces/{where.pk}/images/"

    refused = client.get(path, {"image": FOREIGN}, headers=headers).content.decode()
    admitted = client.get(path, {"image": "harbor.corp.example/payments/a:1"}, headers=headers)

    assert "Not among the images allowed here" in refused
    assert "Ask for an exemption" in refused
    assert "May run" in admitted.content.decode()
    assert ("<h1>" in refused) is not bool(headers)


@pytest.mark.parametrize("image", ["{{x}}", "a" * 600, "A B", "\0", "<script>", "::::"])
def test_nonsense_in_the_box_is_answered(image: str) -> None:
    where = place()

    answer = browser(viewer_of(where.team)).get(f"/namespaces/{where.pk}/images/", {"image": image})

    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode().partition("<main")[2]


def test_what_is_exempted_is_said_and_the_try_counts_it() -> None:
    where = place()
    exemptions.approve(waiting(where), by=approver(), now=timezone.now())

    page = read(browser(viewer_of(where.team)), f"/namespaces/{where.pk}/images/", image=FOREIGN)

    assert "Let in, and noted" in page
    assert "Exempted now" in page


def test_what_may_run_takes_the_same_queries_however_much_is_said() -> None:
    where = place()
    client, path = browser(owner_of(where.team)), f"/namespaces/{where.pk}/images/"
    cost = queries(client, path, image=FOREIGN)

    for n in range(9):
        policy(f"more-{n}", allow=[{"registry": f"r{n}.example"}])
        exemptions.approve(
            waiting(where, image=f"evil.example/miner-{n}:1"), by=approver(), now=timezone.now()
        )

    assert queries(client, path, image=FOREIGN) == cost <= FRAME + 20


def test_signers_and_odd_settings_have_words() -> None:
    document = document_of(
        {
            "signature": {"keys": ["k1", "k2"], "threshold": 2, "revoked": ["k3"]},
            "attestations": [{"type": "https://slsa.dev/provenance/v1", "keys": ["k1"]}],
            "argo": {"templated": "defer", "resource_manifests": "scan"},
            "tags": {"require_pattern": "v[0-9]+"},
            "update_mode": "all",
            "controllers": "warn",
        }
    )

    lines = image_words.requirements(document, {"k1": "release", "k2": "security", "k3": "old"})

    said = " ".join(word for line in lines for word in line.words)
    for part in (
        *("2 of release and security", "old no longer counts", "slsa.dev/provenance/v1"),
        *("when their pod is made", "resource templates", "v[0-9]+", "only warn"),
    ):
        assert part in said
