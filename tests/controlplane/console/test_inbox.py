"""What waits for an approver, and deciding on several at once: each on its own, nothing half-done."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from controlplane.kube.errors import Unreachable
from controlplane.plans import looks
from tenants import requests
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

INBOX, PLANS, DECIDE = "/inbox/", "/inbox/plans/", "/inbox/decide/"


@pytest.fixture(autouse=True)
def story(monkeypatch: pytest.MonkeyPatch) -> Iterator[plans.Plans]:
    found = plans.told(monkeypatch)
    yield found
    found.finish()


def read(client: Client, *chosen: Request) -> dict[str, Any]:
    """What the form of the plans' page carries."""
    answer = client.get(PLANS, {"chosen": [r.pk for r in chosen]})
    hashes = {f"hash-{r.waiting.request.pk}": r.plan.hash for r in answer.context["read"] if r.plan}
    carried = {"read": answer.context["carried"], **hashes}
    return {"act": "approve", "chosen": [r.pk for r in chosen], **carried}


def results(answer: Any) -> dict[int, tuple[bool, str]]:
    assert answer.status_code == 200
    return {r.request.pk: (r.done, r.said) for r in answer.context["results"]}


def states(*asked: Request) -> list[str]:
    return [Request.objects.get(pk=r.pk).state for r in asked]


def own_of(person_of: Any = None) -> tuple[Any, Request]:
    team = TeamFactory()
    both = PersonFactory(claimed_groups=[team.owner_group, "argosy-approvers"])
    fields = wish(ClusterFactory(), name=team.slug)
    return both, requests.file(kind="create", team=team, by=both, fields=fields)


@pytest.mark.parametrize("path", [INBOX, PLANS])
def test_a_stranger_is_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"] == f"/sign-in/?next={path}"


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_who_decides_on_nothing_has_no_inbox(who: Who, story: plans.Plans) -> None:
    request = filed()

    for team in (request.team, TeamFactory()):
        client = browser(who(team))
        assert client.get(INBOX).status_code == 404
        assert client.get(PLANS, {"chosen": request.pk}).status_code == 404
        for act in ("plans", "approve", "reject"):
            said = {"act": act, "chosen": request.pk, "note": "no"}
            assert client.post(DECIDE, said).status_code == 404
    assert not story.asked
    assert states(request) == ["pending"]


@pytest.mark.parametrize("who", [approver, platform_admin])
def test_the_queue_is_oldest_first_with_its_budget_verdicts(who: Any) -> None:
    first = filed()
    second = filed(Team.objects.get(pk=TeamFactory(cpu_budget=6).pk))
    NamespaceFactory(team=second.team)
    requests.reject(filed(), by=approver(), note="no")

    answer = browser(who()).get(INBOX)

    assert [row.request for row in answer.context["rows"]] == [first, second]
    page = answer.content.decode()
    assert "Fits" in page
    assert "Over by 2 cores" in page
    assert first.requested_by.username in page


def test_what_fits_one_by_one_is_summed_before_all_of_it_is_approved() -> None:
    team = Team.objects.get(pk=TeamFactory(name="Moles", cpu_budget=6).pk)
    one, other = filed(team), filed(team, name="another")
    client = browser(approver())

    page = client.get(PLANS, {"chosen": [one.pk, other.pk]}).content.decode()
    assert "Over by 2 cores." in page
    assert page.index("Over by 2 cores.") < page.index("Approve the ticked")

    ticked = client.get("/inbox/together/", {"chosen": one.pk}).content.decode()
    assert "Moles" in ticked
    assert "Over budget" not in ticked
    assert browser(owner_of(team)).get("/inbox/together/").status_code == 404


def test_what_cannot_be_approved_by_now_cannot_be_ticked() -> None:
    team = Team.objects.get(pk=TeamFactory(namespace_limit=1).pk)
    late = filed(team)
    NamespaceFactory(team=team)

    page = browser(approver()).get(PLANS, {"chosen": late.pk}).content.decode()

    assert "already has 1 of 1 namespaces" in page
    assert f'value="{late.pk}"' not in page
    assert "Approve the ticked" not in page


def test_ones_own_is_listed_apart_and_cannot_be_chosen() -> None:
    both, own = own_of()
    other = filed()

    answer = browser(both).get(INBOX)

    assert [row.request for row in answer.context["rows"]] == [other]
    assert [row.request for row in answer.context["mine"]] == [own]
    assert f'value="{own.pk}"' not in answer.content.decode()


def test_an_empty_inbox_says_so() -> None:
    assert "Nothing waits for your decision" in browser(approver()).get(INBOX).content.decode()


def test_the_plans_of_the_chosen_are_on_one_page_with_their_hashes() -> None:
    one, other, not_chosen = filed(), filed(), filed()
    client = browser(approver())

    sent = client.post(DECIDE, {"act": "plans", "chosen": [other.pk, one.pk]})
    answer = client.get(sent["Location"])

    assert [r.waiting.request for r in answer.context["read"]] == [one, other]
    for found in answer.context["read"]:
        assert found.plan.hash in answer.content.decode()
    assert f"hash-{not_chosen.pk}" not in answer.content.decode()
    assert set(RequestEvent.objects.filter(kind="seen").values_list("request", flat=True)) == {
        one.pk,
        other.pk,
    }


def test_no_plan_is_made_of_ones_own(story: plans.Plans) -> None:
    both, own = own_of()
    other = filed()

    answer = browser(both).get(PLANS, {"chosen": [own.pk, other.pk]})

    assert story.asked == [other.asked["name"]]
    assert "Nobody decides on their own" in answer.content.decode()


def test_a_slow_cluster_keeps_no_other_plan_away(
    story: plans.Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "PAGE_SECONDS", 1.0)
    slow, gone, there = filed(), filed(), filed()
    story.hangs = {slow.asked["cluster"]}
    story.failures = {gone.asked["name"]: Unreachable("no route")}

    answer = browser(approver()).get(PLANS, {"chosen": [slow.pk, gone.pk, there.pk]})

    page = answer.content.decode()
    assert [r.waiting.request for r in answer.context["ready"]] == [there]
    assert "still being asked" in page
    assert "no route" in page


def test_several_are_approved_at_once() -> None:
    asked = [filed() for _ in range(3)]
    client = browser(approver())

    answer = client.post(DECIDE, read(client, *asked) | {"note": "all fine"})

    assert [done for done, _ in results(answer).values()] == [True] * 3
    assert states(*asked) == ["approved"] * 3
    assert TenantNamespace.objects.count() == 3


def test_one_that_fails_says_why_and_the_others_are_done(story: plans.Plans) -> None:
    fine, gone, decided, refused, amended = (filed() for _ in range(5))
    both, own = own_of()
    client = browser(both)
    said = read(client, fine, gone, decided, refused, amended, own)
    story.failures = {gone.asked["name"]: Unreachable("no route")}
    story.problems = {refused.asked["name"]: "a quota is wrong"}
    requests.withdraw(decided, by=owner_of(decided.team))
    requests.amend(amended, by=approver(), fields={**amended.asked, "tier": "medium"}, note="more")

    found = results(client.post(DECIDE, said))

    assert {pk for pk, (done, _) in found.items() if done} == {fine.pk}
    for request, why in (
        (gone, "no route"),
        (decided, "withdrawn already"),
        (refused, "a quota is wrong"),
        (amended, "changed since you looked"),
        (own, "their own request"),
    ):
        assert why in found[request.pk][1]
    assert states(gone, refused, amended, own) == ["pending"] * 4
    assert TenantNamespace.objects.count() == 1


def test_all_of_a_page_are_chosen_by_a_link_and_none_by_another() -> None:
    asked = [filed() for _ in range(3)]
    client = browser(approver())

    plain, ticked = (client.get(INBOX, said).content.decode() for said in ({}, {"choose": "all"}))

    assert "checked" not in plain
    assert "choose=all" in plain
    assert ticked.count(" checked>") == len(asked)
    assert "Choose none" in ticked


def test_plans_that_changed_meanwhile_show_what_differs_and_can_be_read_again(
    story: plans.Plans,
) -> None:
    one, other, fine = filed(), filed(), filed()
    client = browser(approver())
    said = read(client, one, other, fine)
    for amended in (one, other):
        fields = {**amended.asked, "tier": "medium"}
        requests.amend(amended, by=approver(), fields=fields, note="more")

    answer = client.post(DECIDE, said)

    page = answer.content.decode()
    assert page.count("- metadata.labels.tier: small") == 2
    assert page.count("+ metadata.labels.tier: medium") == 2
    assert f"{PLANS}?chosen={one.pk}&amp;chosen={other.pk}" in page
    assert states(one, other, fine) == ["pending", "pending", "approved"]
    client.post(DECIDE, read(client, one, other))
    assert states(one, other) == ["approved", "approved"]


@pytest.mark.parametrize("carried", ["", "forged"])
def test_what_the_form_of_several_carried_is_believed_only_if_it_is_ours(
    carried: str, story: plans.Plans
) -> None:
    request, client = filed(), browser(approver())
    said = read(client, request) | {"read": carried}
    story.labels = {"chart": "two"}

    answer = client.post(DECIDE, said)

    assert answer.context["changed"][0].differs == ()
    assert "read the plan again" in answer.content.decode()


def test_two_that_fit_alone_but_not_together_are_not_both_approved() -> None:
    team = TeamFactory(namespace_limit=1)
    one, other = filed(team, name="one"), filed(team, name="other")
    client = browser(approver())

    found = results(client.post(DECIDE, read(client, one, other)))

    assert [done for done, _ in found.values()] == [True, False]
    assert "already has 1 of 1 namespaces" in found[other.pk][1]
    assert states(one, other) == ["approved", "pending"]


def test_two_that_ask_for_one_name_are_not_both_approved() -> None:
    cluster = ClusterFactory().name
    one, other = filed(name="same", cluster=cluster), filed(name="same", cluster=cluster)
    client = browser(approver())

    found = results(client.post(DECIDE, read(client, one, other)))

    assert [done for done, _ in found.values()] == [True, False]
    assert "already has a namespace same" in found[other.pk][1]


@pytest.mark.parametrize("hashed", ["", "b" * 32])
def test_nothing_is_approved_without_the_hash_that_was_read(hashed: str) -> None:
    request = filed()
    client = browser(approver())

    found = results(client.post(DECIDE, read(client, request) | {f"hash-{request.pk}": hashed}))

    assert "changed since you looked" in found[request.pk][1]
    assert states(request) == ["pending"]


def test_several_are_rejected_with_one_reason_and_no_plan_is_made(story: plans.Plans) -> None:
    one, other = filed(), filed()
    both, own = own_of()
    chosen = [one.pk, other.pk, own.pk]

    answer = browser(both).post(DECIDE, {"act": "reject", "chosen": chosen, "note": "freeze"})

    assert [done for done, _ in results(answer).values()] == [True, True, False]
    assert states(one, other, own) == ["rejected", "rejected", "pending"]
    assert {e.note for e in RequestEvent.objects.filter(kind="rejected")} == {"freeze"}
    assert not story.asked


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"act": "reject", "note": " "}, "needs a reason"),
        ({"act": "approve", "chosen": []}, "Choose at least one"),
        ({"act": "plans", "chosen": ["x", "²", "9" * 40, "0"]}, "Choose at least one"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_decided(said: dict[str, Any], why: str) -> None:
    request = filed()

    answer = browser(approver()).post(DECIDE, {"chosen": [request.pk], **said})

    assert answer.status_code == 400
    assert why in answer.content.decode()
    assert states(request) == ["pending"]


def test_an_act_that_there_is_not_is_not_there() -> None:
    answer = browser(approver()).post(DECIDE, {"act": "seize", "chosen": filed().pk})

    assert answer.status_code == 404


def test_a_page_has_twenty_five_and_says_since_when_the_oldest_waits() -> None:
    team = TeamFactory(namespace_limit=100)
    asked = [filed(team, name=f"n-{number}") for number in range(26)]

    answer = browser(approver()).get(INBOX, {"page": 2})

    assert [row.request for row in answer.context["rows"]] == [asked[-1]]
    assert answer.context["oldest"] == asked[0]


def test_the_queue_costs_the_same_whatever_its_length() -> None:
    both, _own = own_of()
    client = browser(both)
    filed()
    cost = queries(client, INBOX)

    for _ in range(4):
        NamespaceFactory(team=filed().team)

    assert queries(client, INBOX) == cost <= FRAME + 6


def test_where_a_request_by_labels_goes_is_in_the_inbox_and_among_the_plans(
    story: plans.Plans,
) -> None:
    ClusterFactory(name="eu-1", labels={"region": "eu"})
    team = TeamFactory()
    asked = {"name": "night", "tier": "small", "labels": {"region": "eu"}}
    request = requests.file(kind="create", team=team, by=owner_of(team), fields=asked)
    client = browser(approver())

    inbox = client.get("/inbox/").content.decode()
    read = client.get("/inbox/plans/", {"chosen": request.pk}).content.decode()

    assert "eu-1 has region=eu, as asked." in inbox
    assert "eu-1 has region=eu, as asked." in read
