"""Policies, roll-outs and stand-downs as people save them: what cannot be is refused before it is."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from controlplane.errors import DomainError, NotAllowed
from controlplane.policies import services, store
from controlplane.policies.errors import BadPolicy, NotOpen
from controlplane.policies.models import ImagePolicy, RollOut, StandDown
from controlplane.policies.saying import Conflict
from controlplane.policies.trying import try_image
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
    approver,
    owner_of,
    platform_admin,
    tier,
)
from tests.images import FOREIGN, HARBOR, IMAGE, NOW, nothing_said, policy, signer

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def allowed(team: Any, image: str, **more: Any) -> bool:
    return try_image(team=team, image=image, now=NOW, **more).verdict.allowed


def test_a_new_platform_goes_on_as_it_was_until_somebody_lists_what_is_allowed() -> None:
    team = NamespaceFactory().team
    assert allowed(team, FOREIGN)

    policy(allow=[HARBOR])

    assert not allowed(team, FOREIGN)
    assert allowed(team, IMAGE)


def test_without_any_policy_nothing_runs_but_the_platforms_argo() -> None:
    nothing_said()
    team = NamespaceFactory().team

    assert not allowed(team, IMAGE)
    assert all(allowed(team, image) for image in store.argo_images())


def test_a_draft_binds_nobody() -> None:
    team = NamespaceFactory().team

    draft = policy(allow=[HARBOR], enabled=False)

    assert allowed(team, FOREIGN)
    assert not allowed(team, FOREIGN, draft=draft)


def test_the_tiers_that_add_up_are_those_on_the_same_cluster() -> None:
    nothing_said()
    team = TeamFactory()
    NamespaceFactory(team=team, name="a-small")
    NamespaceFactory(team=team, name="b-large", tier=tier("large"))

    policy(scope="tier", tier=tier("large"), allow=[HARBOR])

    assert not allowed(team, IMAGE, namespace="a-small")
    assert allowed(team, IMAGE, namespace="b-large")


def test_a_team_of_no_namespace_yet_can_be_tried() -> None:
    team = TeamFactory(slug="newcomers")

    assert try_image(team=team, image=IMAGE, now=NOW).namespace == "newcomers"


def test_another_teams_namespace_is_not_to_be_tried() -> None:
    theirs = NamespaceFactory()

    with pytest.raises(DomainError, match="has no namespace"):
        try_image(team=TeamFactory(), image=IMAGE, now=NOW, namespace=theirs.name)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"alow": []}, "alow"),
        ({"allow": [{"registry": "corp"}]}, "allow[0]"),
        ({"deny": [{"registry": "quay.io"}]}, "deny"),
    ],
)
def test_a_policy_that_cannot_be_leaves_no_row(settings: dict[str, Any], field: str) -> None:
    with pytest.raises((BadPolicy, Conflict)) as refused:
        policy("bad", **settings)

    assert field in refused.value.sentence
    assert refused.value.field == "settings"
    assert not ImagePolicy.objects.filter(name="bad").exists()


@pytest.mark.parametrize(
    ("vain", "way_out"),
    [
        ({"on_error": "allow"}, "ask for an exemption"),
        ({"bind_repository": False}, "sign the copy"),
    ],
)
def test_what_no_push_could_ever_bring_about_is_not_promised(vain: Any, way_out: str) -> None:
    signer().known("ci")

    with pytest.raises(BadPolicy) as refused:
        policy("signed", signature={"keys": ["ci"], **vain})

    assert f"signature.{next(iter(vain))}: " in refused.value.sentence
    assert way_out in refused.value.sentence
    assert not ImagePolicy.objects.filter(name="signed").exists()


def test_the_one_way_that_holds_may_be_said_in_so_many_words() -> None:
    signer().known("ci")
    ways = {"on_error": "deny", "bind_repository": True}

    assert policy("signed", signature={"keys": ["ci"], "repositories": [HARBOR], **ways}).pk


def test_a_draft_is_held_to_the_same() -> None:
    with pytest.raises(Conflict):
        policy("bad", enabled=False, deny=[{"registry": "quay.io"}])


def test_an_edit_is_tried_in_place_of_what_it_was() -> None:
    row = policy("pattern", scope="team", team=TeamFactory(), tags={"require_pattern": "v.*"})

    row.name, row.settings = "renamed", {"tags": {"require_pattern": "v[0-9].*"}}
    services.save_policy(row, now=NOW)

    assert ImagePolicy.objects.get(pk=row.pk).settings["tags"]["require_pattern"] == "v[0-9].*"


def test_two_policies_that_contradict_are_refused_even_for_a_team_without_namespaces() -> None:
    team = TeamFactory()
    policy("first", scope="team", team=team, tags={"require_pattern": "v.*"})

    with pytest.raises(Conflict, match="first and second"):
        policy("second", scope="team", team=team, tags={"require_pattern": "v[0-9].*"})
    policy("second", scope="team", team=TeamFactory(), tags={"require_pattern": "v[0-9].*"})


@pytest.mark.parametrize("scope", ["tier", "team", "platform"])
def test_a_policy_names_exactly_whom_it_is_about(scope: str) -> None:
    wrong: dict[str, Any] = {"team": TeamFactory()} if scope != "team" else {"tier": tier()}

    with pytest.raises(ValidationError, match="names a tier"):
        policy("bad", scope=scope, **wrong)


def test_removing_a_policy_leaves_its_history() -> None:
    row = policy(allow=[HARBOR])
    pk = row.pk

    services.remove_policy(row, now=NOW)

    assert [line.history_type for line in ImagePolicy.history.filter(id=pk)] == ["-", "+"]


def test_a_team_in_audit_is_admitted_and_reported() -> None:
    nothing_said()
    team = NamespaceFactory().team

    services.roll_out(team=team, mode="audit", by=platform_admin(), reason="first week", now=NOW)

    tried = try_image(team=team, image=FOREIGN, now=NOW)
    assert (tried.verdict.allowed, len(tried.verdict.reported)) == (True, 1)
    assert FOREIGN in tried.sentence


def test_enforcing_again_says_since_when_and_who() -> None:
    team, by = TeamFactory(), platform_admin()
    services.roll_out(team=team, mode="audit", by=platform_admin(), reason="first week", now=NOW)

    row = services.roll_out(team=team, mode="enforce", by=by, reason="ready", now=NOW + HOUR)

    assert (row.mode, row.since, row.by) == ("enforce", NOW + HOUR, by)
    assert RollOut.history.filter(id=row.pk).count() == 2
    with pytest.raises(DomainError, match="enforce already"):
        services.roll_out(team=team, mode="enforce", by=by, reason="again", now=NOW + HOUR)


@pytest.mark.parametrize("who", [approver, lambda: owner_of(TeamFactory())])
def test_only_admins_switch(who: Any) -> None:
    with pytest.raises(NotAllowed):
        services.roll_out(team=TeamFactory(), mode="audit", by=who(), reason="x", now=NOW)
    with pytest.raises(NotAllowed):
        services.stand_down(
            cluster=ClusterFactory(), until=NOW + HOUR, by=who(), reason="x", now=NOW
        )


def test_a_stand_down_ends_by_itself() -> None:
    cluster = ClusterFactory()
    services.stand_down(
        cluster=cluster, until=NOW + HOUR, by=platform_admin(), reason="webhook fails", now=NOW
    )

    assert StandDown.objects.active(NOW).filter(cluster=cluster).exists()
    assert not StandDown.objects.active(NOW + HOUR).exists()


@pytest.mark.parametrize("hours", [-1, 0, 25])
def test_a_stand_down_has_an_end_that_is_near(hours: int) -> None:
    with pytest.raises(DomainError, match="24 hours"):
        services.stand_down(
            cluster=ClusterFactory(),
            until=NOW + hours * HOUR,
            by=platform_admin(),
            reason="x",
            now=NOW,
        )


def test_a_cluster_stands_down_once_at_a_time_and_may_be_ended_by_hand() -> None:
    cluster, by = ClusterFactory(), platform_admin()
    row = services.stand_down(cluster=cluster, until=NOW + HOUR, by=by, reason="x", now=NOW)
    with pytest.raises(NotOpen, match="already"):
        services.stand_down(cluster=cluster, until=NOW + HOUR, by=by, reason="x", now=NOW)

    services.end_stand_down(row, by=by, now=NOW)

    assert not StandDown.objects.active(NOW).exists()
    with pytest.raises(NotOpen):
        services.end_stand_down(row, by=by, now=NOW)


def test_reading_everything_that_is_said_takes_four_queries(
    django_assert_num_queries: Any,
) -> None:
    for number in range(5):
        policy(f"p{number}", scope="team", team=NamespaceFactory().team, allow=[HARBOR])

    with django_assert_num_queries(4):
        store.said(NOW)


def test_a_policy_that_no_api_server_could_hold_or_afford_is_refused_with_the_way_out() -> None:
    NamespaceFactory()
    many = [
        {"registry": "harbor.corp.example", "repository": f"payments/service-{n}/**"}
        for n in range(400)
    ]

    with pytest.raises(BadPolicy, match="Allow wider prefixes") as refused:
        policy("many", allow=many)

    assert refused.value.field == "settings"
    assert not ImagePolicy.objects.filter(name="many").exists()
    policy("some", allow=many[:20])
