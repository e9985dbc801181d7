"""One request in the browser: its story for who may see it, its plan for who decides, and every act."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.kube.errors import Unreachable
from controlplane.plans import looks
from tenants import requests, services
from tenants.models import Request, RequestEvent, Team, TenantNamespace
from tests import plans
from tests.browsing import FRAME, browser, queries
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    filed,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
    wish,
)

pytestmark = pytest.mark.django_db

HASH = "a" * 32
ACTS = ("approve", "reject", "amend", "comment", "withdraw")


@pytest.fixture(autouse=True)
def story(monkeypatch: pytest.MonkeyPatch) -> Iterator[plans.Plans]:
    found = plans.told(monkeypatch)
    yield found
    found.finish()


def at(request: Request) -> str:
    return f"/requests/{request.pk}/"


def read(client: Client, request: Request) -> dict[str, str]:
    """What the form of approving carries, as the page gives it."""
    context = client.get(at(request)).context
    return {"act": "approve", "plan_hash": context["plan"].hash, "read": context["read"]}


def done(user: User, request: Request, act: str, **said: str) -> Any:
    notes = {
        "reject_note": "no",
        "amend_note": "small first",
        "comment": "hm",
        "asked_tier": "medium",
    }
    return browser(user).post(at(request), {"act": act, "plan_hash": HASH, **notes, **said})


def kinds(request: Request) -> list[str]:
    return list(RequestEvent.objects.filter(request=request).values_list("kind", flat=True))


def reopened() -> Request:
    request = filed()
    client = browser(approver())
    client.post(at(request), read(client, request))
    namespace = TenantNamespace.objects.get()
    requests.reopen(namespace, note="the charts changed")
    return Request.objects.get(pk=request.pk)


def test_a_stranger_is_sent_to_sign_in(client: Client) -> None:
    path = at(filed())

    assert client.get(path)["Location"] == f"/sign-in/?next={path}"


def test_another_teams_request_is_not_there_for_any_act() -> None:
    request, stranger = filed(), owner_of(TeamFactory())

    assert browser(stranger).get(at(request)).status_code == 404
    for act in ACTS:
        assert done(stranger, request, act).status_code == 404
    assert kinds(request) == ["filed"]


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_who_does_not_decide_reads_the_story_and_no_plan_is_made(
    who: Who, story: plans.Plans
) -> None:
    request = filed()

    answer = browser(who(request.team)).get(at(request))

    assert answer.status_code == 200
    assert not story.asked
    assert b"Approve" not in answer.content
    assert kinds(request) == ["filed"]


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
@pytest.mark.parametrize("act", ["approve", "reject", "amend"])
def test_no_level_of_the_team_decides(who: Who, act: str, story: plans.Plans) -> None:
    request = filed()

    answer = done(who(request.team), request, act)

    assert answer.status_code == 403
    assert "Only approvers" in answer.content.decode()
    assert not story.asked
    assert kinds(request) == ["filed"]


@pytest.mark.parametrize("act", ["approve", "reject", "amend"])
def test_nobody_decides_on_their_own_and_no_plan_is_made_for_them(
    act: str, story: plans.Plans
) -> None:
    team = TeamFactory()
    both = PersonFactory(claimed_groups=[team.owner_group, "argosy-admins"])
    request = requests.file(kind="create", team=team, by=both, fields=wish(ClusterFactory()))

    page = browser(both).get(at(request)).content.decode()
    answer = done(both, request, act)

    assert "somebody else decides" in page
    assert answer.status_code == 403
    assert not story.asked
    assert kinds(request) == ["filed"]


def test_an_act_that_there_is_not_is_not_there() -> None:
    assert done(approver(), filed(), "seize").status_code == 404


@pytest.mark.parametrize("who", [approver, platform_admin])
def test_a_decider_reads_every_object_the_verdicts_and_the_budget(who: Any) -> None:
    team = TeamFactory()
    NamespaceFactory(team=team)
    request = filed(team)

    answer = browser(who()).get(at(request))

    page = answer.content.decode()
    assert f"name: {request.asked['name']}" in page  # the YAML
    assert "4 of 32 cores promised, this adds 4" in page
    assert "would take all of them" in page
    assert answer.context["plan"].hash in page
    assert kinds(request) == ["filed", "seen"]


def test_opening_twice_is_seen_once() -> None:
    request, client = filed(), browser(approver())

    client.get(at(request))
    client.get(at(request))

    assert kinds(request) == ["filed", "seen"]


def test_approving_binds_to_the_plan_that_was_read_and_links_to_its_progress() -> None:
    request, client = filed(), browser(approver())

    answer = client.post(at(request), read(client, request) | {"note": "enjoy"}, follow=True)

    namespace = TenantNamespace.objects.get()
    assert namespace.approved_plan == RequestEvent.objects.get(kind="approved").plan_hash
    assert f"/namespaces/{namespace.pk}/progress/" in answer.content.decode()
    assert "enjoy" in answer.content.decode()


def test_a_plan_that_changed_approves_nothing_and_shows_what_differs(story: plans.Plans) -> None:
    request, client = filed(), browser(approver())
    before = read(client, request)
    story.labels = {"chart": "two"}

    answer = client.post(at(request), before)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Changed since you looked: nothing was approved" in page
    assert "+ metadata.labels.chart: two" in page
    assert len(answer.context["refused"].differs[0][1]) == 1  # our own fingerprint is no news
    assert not TenantNamespace.objects.exists()
    # What is on the page now is what is there now: it can be approved.
    now = answer.context
    again = {"act": "approve", "plan_hash": now["plan"].hash, "read": now["read"]}
    assert client.post(at(request), again).status_code == 302


@pytest.mark.parametrize("carried", ["", "forged", "eyJ4IjoxfQ:1abc:forged"])
def test_what_the_form_carried_is_believed_only_if_it_is_ours(
    carried: str, story: plans.Plans
) -> None:
    request, client = filed(), browser(approver())
    before = read(client, request) | {"read": carried}
    story.labels = {"chart": "two"}

    answer = client.post(at(request), before)

    assert answer.status_code == 409
    assert answer.context["refused"].differs == ()
    assert "The whole plan as it is now is below" in answer.content.decode()


def test_an_amendment_in_between_approves_nothing() -> None:
    request, client = filed(), browser(approver())
    before = read(client, request)
    requests.amend(request, by=approver(), fields={**request.asked, "tier": "medium"}, note="more")

    answer = client.post(at(request), before)

    assert answer.status_code == 409
    assert "- metadata.labels.tier: small" in answer.content.decode()
    assert not TenantNamespace.objects.exists()


def test_a_request_decided_meanwhile_says_so() -> None:
    request, client = filed(), browser(approver())
    before = read(client, request)
    requests.reject(request, by=approver(), note="no")

    for act in ("approve", "reject", "amend"):
        answer = client.post(
            at(request), before | {"act": act, "reject_note": "x", "amend_note": "x"}
        )
        assert answer.status_code == 409
        assert "is rejected already" in answer.content.decode()
    assert kinds(request) == ["filed", "seen", "rejected"]


def test_what_the_cluster_refuses_cannot_be_approved(story: plans.Plans) -> None:
    request, client = filed(), browser(approver())
    story.problems = {request.asked["name"]: "exists already and is not this team's"}

    page = client.get(at(request)).content.decode()
    answer = client.post(
        at(request), {"act": "approve", "plan_hash": read(client, request)["plan_hash"]}
    )

    assert "exists already" in page
    assert "Approve exactly this" not in page
    assert answer.status_code == 400
    assert not TenantNamespace.objects.exists()


def test_a_cluster_that_is_gone_is_a_sentence_beside_the_rest(story: plans.Plans) -> None:
    request, client = filed(), browser(approver())
    story.failures = {request.asked["name"]: Unreachable("no route to the API server")}

    page = client.get(at(request))
    answer = client.post(at(request), {"act": "approve", "plan_hash": HASH})

    assert page.status_code == 200
    assert "no route to the API server" in page.content.decode()
    assert "What happened" in page.content.decode()
    assert answer.status_code == 503
    assert not TenantNamespace.objects.exists()


def test_a_cluster_that_hangs_does_not_hold_the_page_up(
    story: plans.Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "PAGE_SECONDS", 0.1)
    request = filed()
    story.hangs = {request.asked["cluster"]}
    client = browser(approver())
    begun = time.monotonic()

    page = client.get(at(request))

    assert time.monotonic() - begun < 3.0
    assert "still being asked" in page.content.decode()
    assert "What happened" in page.content.decode()


def test_the_plan_that_came_late_is_fetched_by_itself(
    story: plans.Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "PAGE_SECONDS", 0.05)
    request, client = filed(), browser(approver())
    story.hangs = {request.asked["cluster"]}
    assert f"{at(request)}?part=plan" in client.get(at(request)).content.decode()
    story.answers.set()
    monkeypatch.setattr(looks, "PAGE_SECONDS", 20.0)

    part = client.get(at(request), {"part": "plan"}, headers={"HX-Request": "true"})

    assert b"Approve exactly this" in part.content
    assert b"<html" not in part.content


def test_a_cluster_that_refuses_us_is_told_from_one_that_is_away() -> None:
    request = filed()
    Cluster.objects.update(reachable=False, trouble="rights", message="10.0.0.1 said 403")

    seen_by_team = browser(owner_of(request.team)).get(at(request)).content.decode()

    assert "refuses us a right" in seen_by_team
    assert "does not answer" not in seen_by_team
    assert "10.0.0.1" not in seen_by_team
    assert "10.0.0.1 said 403" in browser(approver()).get(at(request)).content.decode()


def test_rejecting_says_why() -> None:
    request, who = filed(), approver()

    silent = done(who, request, "reject", reject_note=" ")
    assert (silent.status_code, kinds(request)) == (400, ["filed"])

    assert done(who, request, "reject", reject_note="ask for less").status_code == 302
    page = browser(owner_of(request.team)).get(at(request)).content.decode()
    assert "ask for less" in page


def test_an_amendment_is_seen_by_the_requester_as_a_difference() -> None:
    request = filed()

    assert done(approver(), request, "amend").status_code == 302

    page = browser(request.requested_by).get(at(request)).content.decode()
    assert "- tier: small" in page
    assert "+ tier: medium" in page
    assert "small first" in page


def test_one_approver_may_amend_and_then_approve_and_the_timeline_says_so() -> None:
    request, alone = filed(), approver()
    client = browser(alone)
    done(alone, request, "amend")

    client.post(at(request), read(client, request))

    request.refresh_from_db()
    assert request.state == "approved"
    page = browser(request.requested_by).get(at(request)).content.decode()
    assert f"{alone.username}</b> approved what they had amended themselves" in page


def test_a_plan_that_was_not_asked_for_says_why_and_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looks, "MOST_AT_ONCE", 0)

    page = browser(approver()).get(at(filed())).content.decode()

    assert "too many plans are being asked for" in page
    assert "part=plan" in page


def test_an_amendment_over_the_budget_is_refused_and_what_was_typed_is_kept() -> None:
    request = filed()

    answer = done(approver(), request, "amend", asked_tier="large", amend_note="why not")

    assert answer.status_code == 400
    assert "needs 64 more" in answer.content.decode()
    assert "why not" in answer.content.decode()
    request.refresh_from_db()
    assert request.asked["tier"] == "small"


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_every_level_of_the_team_comments(who: Who) -> None:
    request = filed()

    assert (
        done(who(request.team), request, "comment", comment="until <b>when</b>?").status_code == 302
    )

    assert b"until &lt;b&gt;when" in browser(approver()).get(at(request)).content


def test_an_owner_withdraws_and_nobody_else() -> None:
    request = filed()

    for other in (member_of(request.team), viewer_of(request.team), approver()):
        assert done(other, request, "withdraw").status_code == 403
    assert done(owner_of(request.team), request, "withdraw").status_code == 302
    request.refresh_from_db()
    assert request.state == "withdrawn"


@pytest.mark.parametrize("act", ["reject", "withdraw"])
def test_what_came_to_nothing_is_asked_again_with_the_form_filled_in(act: str) -> None:
    request = filed()
    owner, again = owner_of(request.team), f"/requests/new/?like={request.pk}"
    assert again not in browser(owner).get(at(request)).content.decode()

    done(approver() if act == "reject" else owner, request, act)

    assert again in browser(owner).get(at(request)).content.decode()
    for other in (member_of(request.team), viewer_of(request.team), approver()):
        assert again not in browser(other).get(at(request)).content.decode()


def test_what_came_back_tells_the_team_what_to_do() -> None:
    request = reopened()
    client = browser(owner_of(request.team))

    assert "If you want something else, withdraw it" in client.get(at(request)).content.decode()

    assert request.namespace is not None
    services.begin(request.namespace, now=timezone.now())
    assert "it can be withdrawn no more" in client.get(at(request)).content.decode()
    assert "nothing to type again" not in browser(approver()).get(at(request)).content.decode()


def test_what_came_back_says_what_differs_from_what_was_approved(story: plans.Plans) -> None:
    request = reopened()
    story.labels = {"chart": "two"}

    page = browser(approver()).get(at(request)).content.decode()

    assert "sent it back" in page
    assert f"Namespace {request.asked['name']}: changed" in page
    assert "Change, then approve" not in page  # its wish is written


def test_what_came_back_and_was_begun_cannot_be_closed() -> None:
    request = reopened()
    assert request.namespace is not None
    services.begin(request.namespace, now=timezone.now())

    answer = done(approver(), request, "reject")

    assert answer.status_code == 409
    assert "approved delete" in answer.content.decode()


def test_when_it_was_provisioned_is_in_the_story_with_how_long_it_took() -> None:
    request, client = filed(), browser(approver())
    client.post(at(request), read(client, request))
    approved = RequestEvent.objects.get(kind="approved").at
    TenantNamespace.objects.update(ready_at=approved + timedelta(seconds=14))

    entries = client.get(at(request)).context["entries"]

    assert [e.kind for e in entries] == ["filed", "seen", "approved", "provisioned"]
    assert (entries[-1].took, entries[-1].since) == (14, "after the approval")


def test_a_request_whose_tier_is_gone_is_still_a_page() -> None:
    request = filed()
    Request.objects.filter(pk=request.pk).update(asked={**request.asked, "tier": "gone"})

    answer = browser(approver()).get(at(request))

    assert answer.status_code == 200
    assert "There is no tier" in answer.content.decode()


def test_a_request_of_a_shape_that_is_gone_is_still_a_page() -> None:
    request = filed()
    Request.objects.filter(pk=request.pk).update(asked={"color": "red"})

    assert browser(approver()).get(at(request)).status_code == 200


def test_a_name_that_was_taken_since_is_said_before_the_button_on_each_view() -> None:
    request, client = filed(), browser(approver())
    assert "This cannot be approved" not in client.get(at(request)).content.decode()

    cluster = Cluster.objects.get(name=request.asked["cluster"])
    NamespaceFactory(cluster=cluster, name=request.asked["name"])

    page = client.get(at(request)).content.decode()
    assert "already has a namespace" in page
    assert page.index("already has a namespace") < page.index("Approve exactly this")
    assert re.search(r'value="approve" disabled aria-describedby="why-not"', page)
    assert "note ok" not in page
    assert "primary" not in page


def test_what_is_over_the_budget_has_its_verdict_where_the_button_is() -> None:
    team = Team.objects.get(pk=TeamFactory(cpu_budget=6, namespace_limit=1).pk)
    request = filed(team)
    NamespaceFactory(team=team)

    page = browser(approver()).get(at(request)).content.decode()

    assert "Over budget" in page
    assert "Over by 2 cores, 1 namespace." in page
    assert 'value="approve" disabled' in page
    # The owner reads it too, and has nothing to press.
    said = browser(owner_of(team)).get(at(request)).content.decode()
    assert "As things are now it cannot be approved" in said


def test_who_else_waits_for_the_name_is_said_to_the_approver() -> None:
    first = filed(name="same")
    cluster = first.asked["cluster"]
    second = filed(name="same", cluster=cluster)

    page = browser(approver()).get(at(second)).content.decode()

    assert f"#{first.pk} already waits for this name" in page
    # To the team itself the other team's request is not there.
    said = browser(owner_of(second.team)).get(at(second)).content.decode()
    assert "Another team&#x27;s request already waits" in said
    assert f"#{first.pk} already" not in said


def test_what_fits_alone_but_not_with_what_else_waits_is_said() -> None:
    team = Team.objects.get(pk=TeamFactory(cpu_budget=6).pk)
    request = filed(team)
    filed(team, name="another")

    page = browser(approver()).get(at(request)).content.decode()

    assert "With the other one that waits: over by 2 cores." in page
    assert "Fits alone" in page
    assert 'value="approve" disabled' not in page


LIVE = {"HX-Request": "true"}


def test_the_page_looks_again_by_itself_and_says_what_became_of_it(story: plans.Plans) -> None:
    request = filed()
    client = browser(owner_of(request.team))
    page = client.get(at(request))
    again = f"{at(request)}?part=live&looks=0&shown={page.context['poll'].shown}"
    assert "part=live" in page.content.decode()

    quiet = client.get(again, headers=LIVE).content.decode()
    assert "hx-get" in quiet
    assert "hx-swap-oob" not in quiet

    requests.reject(request, by=approver(), note="too early")

    moved = client.get(again, headers=LIVE).content.decode()
    assert "too early" in moved
    assert "Ask again" in moved
    assert "part=live" not in moved  # nothing more will come of it
    assert not story.asked


def test_an_approvers_look_asks_no_cluster_again(story: plans.Plans) -> None:
    request, client = filed(), browser(approver())
    client.get(at(request))
    asked = len(story.asked)

    client.get(f"{at(request)}?part=live", headers=LIVE)

    assert len(story.asked) == asked


def test_another_team_is_not_told_what_moves() -> None:
    request = filed()

    answer = browser(owner_of(TeamFactory())).get(f"{at(request)}?part=live", headers=LIVE)

    assert answer.status_code == 404


def test_the_page_costs_the_same_whatever_happened() -> None:
    request, client = filed(), browser(approver())
    cost = queries(client, at(request))

    for number in range(3):
        requests.comment(request, by=viewer_of(request.team), note=str(number))
        NamespaceFactory(team=Team.objects.get(pk=request.team_id))

    assert queries(client, at(request)) == cost <= FRAME + 18


def placed() -> Request:
    ClusterFactory(name="eu-1", labels={"region": "eu"})
    team = TeamFactory()
    asked = {"name": "night", "tier": "small", "labels": {"region": "eu"}}
    return requests.file(kind="create", team=team, by=owner_of(team), fields=asked)


def test_a_request_by_labels_shows_where_it_goes_and_why_to_both_sides(story: plans.Plans) -> None:
    request = placed()

    team = browser(request.requested_by).get(at(request)).content.decode()
    decider = browser(approver()).get(at(request)).content.decode()

    for page in (team, decider):
        assert "eu-1 has region=eu, as asked." in page
        assert "any cluster with region=eu" in page
    assert "4 cores and" in decider
    assert "4 cores and" not in team


def test_one_that_lost_its_place_says_so_and_another_is_chosen_at_a_press(
    story: plans.Plans,
) -> None:
    request = placed()
    ClusterFactory(name="eu-2", labels={"region": "eu"})
    Cluster.objects.filter(name="eu-1").update(scheduling="cordoned")
    client = browser(approver())

    page = client.get(at(request)).content.decode()
    assert "eu-1, which was chosen for it, does not take it any more" in page
    assert browser(viewer_of(request.team)).post(at(request), {"act": "place"}).status_code == 403

    client.post(at(request), {"act": "place"})

    request.refresh_from_db()
    assert request.cluster_name == "eu-2"
    page = client.get(at(request)).content.decode()
    assert "had another cluster chosen" in page
    assert "From eu-1 to eu-2: eu-1 is cordoned" in page


def test_amending_one_by_labels_keeps_them_or_names_a_cluster(story: plans.Plans) -> None:
    request = placed()
    other = ClusterFactory(name="us-1")
    client = browser(approver())
    said = {"act": "amend", "amend_note": "smaller", "asked_name": "dawn", "asked_tier": "small"}

    client.post(at(request), {**said, "asked_cluster": ""})
    request.refresh_from_db()
    assert (request.asked["labels"], request.cluster_name) == ({"region": "eu"}, "eu-1")

    client.post(at(request), {**said, "asked_cluster": other.name})
    request.refresh_from_db()
    assert request.asked == {"name": "dawn", "tier": "small", "cluster": "us-1"}
