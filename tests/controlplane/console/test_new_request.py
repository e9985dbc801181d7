"""Asking for a namespace in the browser: what is said before it is sent, and what is kept."""

from collections.abc import Iterator

import pytest
from django.test import Client

from controlplane.clusters.models import Cluster
from controlplane.kube.errors import Unreachable
from controlplane.plans import looks
from tenants import requests
from tenants.models import Draft, Request, Team
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
    viewer_of,
)

pytestmark = pytest.mark.django_db

NEW, CHECK = "/requests/new/", "/requests/new/check/"


def typed(asking: Team, **changes: str) -> dict[str, str]:
    cluster = ClusterFactory().name if "cluster" not in changes else ""
    return {
        "team": asking.slug,
        "name": "night",
        "tier": "small",
        "cluster": cluster,
        "reason": "month's end",
        **changes,
    }


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> Iterator[plans.Plans]:
    found = plans.told(monkeypatch)
    yield found
    found.finish()


@pytest.mark.parametrize("path", [NEW, CHECK, "/requests/drafts/1/discard/"])
def test_a_stranger_is_sent_to_sign_in(client: Client, path: str) -> None:
    answer = client.post(path)

    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in/")


def test_sending_files_the_request_and_shows_it() -> None:
    team = TeamFactory()

    answer = browser(owner_of(team)).post(NEW, typed(team, act="send"))

    request = Request.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/requests/{request.pk}/")
    assert (request.team, request.asked["name"], request.reason) == (team, "night", "month's end")


@pytest.mark.parametrize("who", [member_of, viewer_of])
def test_who_may_not_ask_has_no_form_and_cannot_send_one(who: Who) -> None:
    team = TeamFactory()
    client = browser(who(team))

    assert b"You own no team" in client.get(NEW).content
    assert client.post(NEW, typed(team, act="send")).status_code == 400
    assert not Request.objects.exists()


@pytest.mark.parametrize("act", ["send", "show", "keep"])
def test_nobody_asks_in_the_name_of_a_team_they_do_not_own(act: str, story: plans.Plans) -> None:
    mine, theirs = TeamFactory(), TeamFactory()

    answer = browser(owner_of(mine)).post(NEW, typed(theirs, act=act))

    assert not Request.objects.exists()
    assert not Draft.objects.exclude(team=None).exists()
    assert not story.asked
    if act != "keep":
        assert answer.status_code == 400
        assert "Choose the team that asks" in answer.content.decode()


def test_an_approver_who_owns_no_team_asks_for_none() -> None:
    team = TeamFactory()

    assert browser(approver()).post(NEW, typed(team, act="send")).status_code == 400


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": "Night"}, "name", "lower-case letters"),
        ({"name": ""}, "name", "needs a name"),
        ({"cluster": "moon"}, "cluster", "There is no cluster"),
        ({"tier": "giant"}, "tier", "There is no tier"),
        ({"tier": "large"}, "tier", "needs 64 more"),
        ({"reason": "x" * 1001}, "reason", "at most 1000"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_what_was_typed_is_kept(
    changes: dict[str, str], field: str, said: str
) -> None:
    team = TeamFactory()

    answer = browser(owner_of(team)).post(NEW, typed(team, act="send", **changes))

    assert answer.status_code == 400
    assert said in answer.context["form"].refused[field]
    assert said in answer.content.decode()
    assert answer.context["form"].typed.name == changes.get("name", "night")
    assert not Request.objects.exists()


def test_what_was_not_sent_says_so_at_the_top_and_leads_to_the_field() -> None:
    team = Team.objects.get(pk=TeamFactory(name="The Moles", cpu_budget=3, memory_budget_gib=3).pk)

    answer = browser(owner_of(team)).post(NEW, typed(team, act="send"))

    page = answer.content.decode()
    assert answer.status_code == 400
    assert page.index("<b>Not sent.</b>") < page.index('id="team"')
    assert '<a href="#tier-small">Tier</a>: The Moles has promised 0 of 3 cores' in page
    assert "0 of 3 GiB of memory" in page


def test_a_name_that_is_too_long_is_said_and_never_cut() -> None:
    team = TeamFactory()

    answer = browser(owner_of(team)).post(NEW, typed(team, act="send", name="a" * 60))

    page = answer.content.decode()
    assert "That name has 60 characters; at most 58 are allowed." in page
    assert f'value="{"a" * 60}" maxlength="253"' in page


def test_an_act_that_there_is_not_is_not_there() -> None:
    team = TeamFactory()

    assert browser(owner_of(team)).post(NEW, typed(team, act="seize")).status_code == 404


def test_the_form_opens_with_what_is_likely_and_every_team_of_theirs() -> None:
    first, second, foreign = TeamFactory(), TeamFactory(), TeamFactory()
    away, there = ClusterFactory(name="a", reachable=False), ClusterFactory(name="b")
    person = PersonFactory(claimed_groups=[first.owner_group, second.owner_group])
    client = browser(person)
    session = client.session
    session["team"] = second.slug
    session.save()

    form = client.get(NEW).context["form"]

    assert (form.team, form.cluster, form.choice.tier.slug) == (second, there, "small")
    assert (form.teams, form.clusters) == ([first, second], [away, there])
    assert client.get(NEW, {"team": first.slug}).context["form"].team == first
    assert client.get(NEW, {"team": foreign.slug}).context["form"].team is None


def test_a_switcher_set_to_a_foreign_team_does_not_trap_the_form() -> None:
    mine, foreign = TeamFactory(), TeamFactory()
    client = browser(PersonFactory(claimed_groups=[mine.owner_group, foreign.viewer_group]))
    session = client.session
    session["team"] = foreign.slug
    session.save()

    assert client.get(NEW).context["form"].team == mine


def test_a_field_is_checked_while_it_is_typed() -> None:
    team = TeamFactory()
    taken = NamespaceFactory(name="night")
    client = browser(owner_of(team))

    def hint(**changes: str) -> str:
        answer = client.post(f"{CHECK}?field=name", typed(team, **changes))
        assert answer.status_code == 200
        return str(answer.context["hints"]["name"].sentence)

    assert "already has a namespace night" in hint(cluster=taken.cluster.name)
    assert "Free on" in hint()
    assert "night-argo" in hint()
    assert "lower-case" in hint(name="NIGHT")
    assert not Request.objects.exists()


def test_a_name_that_another_request_waits_for_is_said_while_it_is_typed() -> None:
    team, cluster = TeamFactory(), ClusterFactory()
    waiting = filed(team, name="night", cluster=cluster.name)
    foreign = filed(name="dawn", cluster=cluster.name)
    client = browser(owner_of(team))

    def hint(name: str) -> str:
        fields = typed(team, name=name, cluster=cluster.name)
        answer = client.post(f"{CHECK}?field=name", fields)
        return str(answer.context["hints"]["name"].sentence)

    assert f"#{waiting.pk} already waits for this name" in hint("night")
    assert "Another team's request already waits for this name" in hint("dawn")
    assert f"#{foreign.pk}" not in hint("dawn")
    assert "Free on" in hint("noon")


def test_a_name_that_nobody_came_to_yet_is_not_called_wrong() -> None:
    team = TeamFactory()

    answer = browser(owner_of(team)).post(f"{CHECK}?field=tier", typed(team, name=""))

    assert answer.context["hints"]["name"].look == ""


def test_a_check_of_a_field_that_there_is_not_is_not_there() -> None:
    assert browser(owner_of(TeamFactory())).post(f"{CHECK}?field=form").status_code == 404


def test_a_foreign_teams_budget_is_not_told_by_a_check() -> None:
    mine, theirs = TeamFactory(), TeamFactory(owner_group="the-others")

    answer = browser(owner_of(mine)).post(f"{CHECK}?field=team", typed(theirs))

    assert answer.context["form"].team is None
    assert b"Budget of" not in answer.content
    assert b"the-others" not in answer.content


def test_a_tier_says_what_it_leaves_of_the_budget() -> None:
    team = TeamFactory(cpu_budget=16)
    NamespaceFactory(team=team)

    page = browser(owner_of(team)).get(NEW, {"team": team.slug}).content.decode()

    assert "4 → 8 of 16" in page
    assert "Over by 4 cores" in page  # medium, beside 4 that are promised


def test_a_cluster_that_does_not_answer_is_said_to_and_no_address_of_it_is_told() -> None:
    team = TeamFactory()
    away = ClusterFactory(reachable=False, message="10.0.0.1: connection refused")

    page = browser(owner_of(team)).get(NEW, {"cluster": away.name}).content.decode()

    assert "the request can be filed, but waits" in page
    assert "10.0.0.1" not in page
    assert f"{away.name} (does not answer" in page


@pytest.mark.parametrize(
    ("trouble", "said"),
    [("credential", "refuses our credential"), ("rights", "refuses us a right")],
)
def test_a_cluster_that_refuses_us_is_told_from_one_that_is_away(trouble: str, said: str) -> None:
    team = TeamFactory()
    cluster = ClusterFactory(reachable=False, trouble=trouble)

    page = browser(owner_of(team)).get(NEW, {"cluster": cluster.name}).content.decode()

    assert f"{cluster.name} ({said}" in page
    assert f"It {said}: the request can be filed, but waits." in page
    assert "does not answer" not in page


def test_what_would_be_made_is_on_the_same_page_before_sending(story: plans.Plans) -> None:
    team = TeamFactory()

    answer = browser(owner_of(team)).post(NEW, typed(team, act="show"))

    assert answer.status_code == 200
    assert [s.objects[0].planned.ref.name for s in answer.context["stages"]] == ["night"]
    assert "tier: small" in answer.content.decode()
    assert not Request.objects.exists()


def test_what_cannot_be_asked_is_not_asked_of_a_cluster(story: plans.Plans) -> None:
    team = TeamFactory()

    assert (
        browser(owner_of(team)).post(NEW, typed(team, act="show", tier="large")).status_code == 400
    )
    assert not story.asked


def test_a_cluster_that_is_gone_is_a_sentence_and_the_form_is_still_there(
    story: plans.Plans,
) -> None:
    team = TeamFactory()
    story.failures = {"night": Unreachable("no route to the API server")}

    answer = browser(owner_of(team)).post(NEW, typed(team, act="show"))

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "no route to the API server" in page
    assert 'value="night"' in page


def test_a_cluster_that_hangs_is_a_sentence_in_time(
    story: plans.Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "PAGE_SECONDS", 0.05)
    team = TeamFactory()
    said = typed(team, act="show")
    story.hangs = {said["cluster"]}

    answer = browser(owner_of(team)).post(NEW, said)

    assert answer.status_code == 200
    assert "still being asked" in answer.content.decode()


def test_the_same_is_there_for_a_terminal_a_program_and_a_file() -> None:
    team = TeamFactory()
    said = typed(team, reason="the team's own; $HOME")

    behind = dict(browser(owner_of(team)).post(f"{CHECK}?field=name", said).context["behind"])

    assert behind["Terminal"] == (
        f"argosy request create {team.slug} night --cluster {said['cluster']} --tier small "
        """--reason 'the team'"'"'s own; $HOME'"""
    )
    assert "/api/v1/requests/" in behind["API"]
    assert "kind: create" in behind["YAML, for argosy request file"]


def test_a_draft_is_kept_resumed_and_gone_when_sent() -> None:
    team = TeamFactory()
    client = browser(owner_of(team))
    kept = client.post(NEW, typed(team, act="keep", name="Not yet", reason="why"))
    draft = Draft.objects.get()

    form = client.get(kept["Location"]).context["form"]
    assert (form.typed.name, form.typed.reason, form.team) == ("Not yet", "why", team)

    client.post(NEW, typed(team, act="send", draft=str(draft.pk)))
    assert Request.objects.exists()
    assert not Draft.objects.exists()


def test_a_name_is_called_free_only_where_it_was_looked_up() -> None:
    team = TeamFactory()
    taken = NamespaceFactory(name="night")
    client = browser(owner_of(team))
    said = typed(team, cluster=taken.cluster.name, act="keep")
    kept = client.post(NEW, said)

    resumed = client.get(kept["Location"]).context["hints"]["name"]
    sent = client.post(NEW, {**said, "act": "send", "reason": "x" * 1001}).context["hints"]

    assert resumed.look == sent["name"].look == "bad"
    assert "already has a namespace night" in resumed.sentence
    assert "at most 1000" in sent["reason"].sentence


def test_a_draft_may_have_no_team_yet() -> None:
    team = TeamFactory()
    client = browser(owner_of(team))

    assert client.post(NEW, typed(team, act="keep", team="")).status_code == 302
    assert Draft.objects.get().team is None


def test_a_draft_too_many_is_a_sentence() -> None:
    team = TeamFactory()
    client = browser(owner_of(team))
    for _ in range(20):
        client.post(NEW, typed(team, act="keep"))

    answer = client.post(NEW, typed(team, act="keep"))

    assert answer.status_code == 400
    assert "20 drafts already" in answer.content.decode()


@pytest.mark.parametrize("pk", ["{pk}", "0", "x", "²", "9" * 30])
def test_anothers_draft_is_not_there(pk: str) -> None:
    team = TeamFactory()
    browser(owner_of(team)).post(NEW, typed(team, act="keep"))
    draft = Draft.objects.get()

    for other in (owner_of(team), approver()):
        client = browser(other)
        assert client.get(NEW, {"draft": pk.format(pk=draft.pk)}).status_code == 404
        assert client.post(f"/requests/drafts/{draft.pk}/discard/").status_code == 404
    assert Draft.objects.exists()


def test_what_was_asked_before_is_asked_again_without_typing() -> None:
    team = TeamFactory()
    owner = owner_of(team)
    browser(owner).post(NEW, typed(team, act="send", tier="medium"))
    before = Request.objects.get()
    requests.reject(before, by=approver(), note="too large")

    form = browser(owner).get(NEW, {"like": before.pk}).context["form"]

    assert form.typed.asked == before.asked
    assert (form.typed.team, form.typed.reason) == (team.slug, "month's end")
    assert not form.refused


@pytest.mark.parametrize("pk", ["{pk}", "0", "x", "²", "9" * 30])
def test_what_another_team_asked_is_not_there_to_ask_again(pk: str) -> None:
    theirs = TeamFactory()
    browser(owner_of(theirs)).post(NEW, typed(theirs, act="send"))

    answer = browser(owner_of(TeamFactory())).get(
        NEW, {"like": pk.format(pk=Request.objects.get().pk)}
    )

    assert answer.status_code == 404


def test_an_own_draft_is_removed() -> None:
    team = TeamFactory()
    client = browser(owner_of(team))
    client.post(NEW, typed(team, act="keep"))

    answer = client.post(f"/requests/drafts/{Draft.objects.get().pk}/discard/")

    assert answer["Location"] == "/requests/"
    assert not Draft.objects.exists()


def test_the_form_costs_the_same_whatever_there_is() -> None:
    team = TeamFactory()
    client = browser(owner_of(team))
    NamespaceFactory(team=team)
    cost = queries(client, NEW)

    for _ in range(3):
        NamespaceFactory(team=team)
        ClusterFactory()

    assert queries(client, NEW) == cost <= FRAME + 8


def test_without_a_cluster_it_says_who_registers_one() -> None:
    assert b"no cluster yet" in browser(owner_of(TeamFactory())).get(NEW).content


@pytest.mark.parametrize("draft", ["9999-12-31", "x", "-1", "\u0661", "9" * 30, "..", "1/../2"])
def test_a_draft_that_can_be_none_is_as_if_it_was_not_named(draft: str) -> None:
    team = TeamFactory()

    answer = browser(owner_of(team)).post("/requests/new/", {"act": "show", "draft": draft})

    assert answer.status_code < 500
    assert "Remove this draft" not in answer.content.decode()


@pytest.fixture
def eu() -> Cluster:
    return ClusterFactory(name="eu-1", labels={"region": "eu", "size": "big"})


def anywhere(team: Team, **changes: str) -> dict[str, str]:
    return typed(team, cluster="*", **{"label-region": "eu", **changes})


def test_a_place_by_labels_is_told_before_the_name_is_typed(eu: Cluster) -> None:
    team = TeamFactory()
    ClusterFactory(name="us-1", labels={"region": "us"})

    answer = browser(owner_of(team)).post(f"{CHECK}?field=cluster", anywhere(team, name=""))

    assert answer.context["hints"]["cluster"].sentence.startswith("✓ It would go to eu-1.")
    page = answer.content.decode()
    assert "eu-1 has region=eu, as asked." in page
    assert "1 other cluster does not have region=eu." in page
    assert "are promised on eu-1" not in page  # how full it is is not for teams


def test_labels_that_no_cluster_has_are_said_beside_the_place(eu: Cluster) -> None:
    team = TeamFactory()

    answer = browser(owner_of(team)).post(
        f"{CHECK}?field=cluster", anywhere(team, **{"label-region": "mars"})
    )

    assert "No cluster has region=mars" in answer.context["hints"]["cluster"].sentence
    assert answer.context["hints"]["cluster"].look == "bad"


def test_a_request_by_labels_is_sent_and_asked_again_with_them(eu: Cluster) -> None:
    team = TeamFactory()
    client = browser(owner_of(team))

    client.post(NEW, anywhere(team, act="send"))

    request = Request.objects.get()
    assert request.asked == {"name": "night", "tier": "small", "labels": {"region": "eu"}}
    assert request.cluster_name == "eu-1"
    form = client.get(NEW, {"like": request.pk}).context["form"]
    assert (form.typed.anywhere, form.typed.labels) == (True, {"region": "eu"})


def test_the_labels_that_can_be_chosen_are_those_that_clusters_have(eu: Cluster) -> None:
    team = TeamFactory()
    ClusterFactory(labels={"region": "us"})

    form = browser(owner_of(team)).get(NEW).context["form"]

    assert form.offered == [
        ("label-region", "region", ["eu", "us"], ""),
        ("label-size", "size", ["big"], ""),
    ]


def test_a_draft_keeps_labels(eu: Cluster) -> None:
    team = TeamFactory()
    client = browser(owner_of(team))

    kept = client.post(NEW, anywhere(team, act="keep"))

    form = client.get(kept["Location"]).context["form"]
    assert (form.typed.anywhere, form.typed.labels) == (True, {"region": "eu"})


def test_what_would_be_made_is_asked_of_the_cluster_that_is_chosen(
    eu: Cluster, story: plans.Plans
) -> None:
    team = TeamFactory()

    answer = browser(owner_of(team)).post(NEW, anywhere(team, act="show"))

    assert answer.context["plan"].cluster == "eu-1"


def test_the_same_by_labels_is_there_for_a_terminal(eu: Cluster) -> None:
    team = TeamFactory()

    behind = dict(
        browser(owner_of(team)).post(f"{CHECK}?field=name", anywhere(team)).context["behind"]
    )

    assert " --label region=eu --tier small" in behind["Terminal"]
    assert "labels:\n    region: eu" in behind["YAML, for argosy request file"]


def test_a_cordoned_cluster_is_not_what_the_form_opens_with() -> None:
    ClusterFactory(name="a", scheduling="cordoned")
    open_ = ClusterFactory(name="b")

    page = browser(owner_of(TeamFactory())).get(NEW)

    assert page.context["form"].cluster == open_
    assert "cordoned)" in page.content.decode()
