"""The platform's role: made of what its parts call, the least that works, and bound in what it can give."""

from collections.abc import Iterator

import pytest

from controlplane.clusters.rights import Right, account_for, calls, needed, rights_in, role
from provisioning import calls as provisioning_calls


def test_a_role_says_exactly_the_rights_it_was_made_of() -> None:
    assert set(rights_in(role(needed())["rules"])) == set(needed())


def test_a_right_to_everything_of_a_kind_leaves_out_the_one_by_name() -> None:
    everything, one = Right("", "secrets", "get"), Right("", "secrets", "get", "ca")

    assert everything.covers(one)
    assert not one.covers(everything)
    assert not any(right.name for right in needed() if right.resource == "secrets")


def test_an_apply_makes_what_is_not_there() -> None:
    assert {right.verb for right in calls("v1", "Secret", "apply")} == {"create", "patch"}


def wildcards() -> Iterator[Right]:
    return (r for r in needed() if "*" in {r.group, r.resource, r.verb})


def test_nothing_is_asked_for_with_a_star_and_no_rule_of_rbac_is_got_round() -> None:
    assert list(wildcards()) == []
    assert [r for r in needed() if r.verb in {"bind", "escalate"}] == []


def test_nobody_is_impersonated_but_the_accounts_of_a_teams_levels() -> None:
    impersonated = {(r.resource, r.name) for r in needed() if r.verb == "impersonate"}

    assert impersonated == {
        ("serviceaccounts", f"argo-{level}") for level in ("owner", "member", "viewer")
    }


def test_nodes_are_counted_and_nothing_else_is_done_to_them() -> None:
    assert {right.verb for right in needed() if right.resource == "nodes"} == {"list"}


@pytest.mark.parametrize("kind", ["customresourcedefinitions", "priorityclasses"])
def test_what_every_team_depends_on_is_never_deleted_and_touched_by_name_alone(kind: str) -> None:
    mine = [right for right in needed() if right.resource == kind]

    assert mine  # or what follows would hold of nothing
    assert all(right.name for right in mine)
    assert "delete" not in {right.verb for right in mine}


def test_what_the_charts_give_is_held_for_who_gives_a_right_must_have_it() -> None:
    given, held = set(provisioning_calls.given()), needed()

    assert Right("argoproj.io", "workflowtaskresults", "deletecollection") in given
    assert [g for g in given if not any(right.covers(g) for right in held)] == []


def test_the_account_comes_with_its_role_its_binding_and_its_token() -> None:
    kinds = [m["kind"] for m in account_for(role(needed()), namespace="kube-system", name="argosy")]

    assert kinds == ["ClusterRole", "ServiceAccount", "Secret", "ClusterRoleBinding"]


def rights_to(resource: str) -> set[tuple[str, str]]:
    return {(right.verb, right.name) for right in needed() if right.resource == resource}


@pytest.mark.parametrize(
    "kind", ["validatingadmissionpolicies", "validatingadmissionpolicybindings"]
)
def test_policies_are_followed_everywhere_and_only_those_of_the_base_are_read_one_by_one(
    kind: str,
) -> None:
    mine = rights_to(kind)

    everywhere = {verb for verb, name in mine if not name}
    assert everywhere == {"list", "watch", "create", "patch", "update", "delete"}
    named = {(verb, name) for verb, name in mine if name}
    assert {verb for verb, _ in named} == {"get"}
    assert ("get", "argosy-namespace-labels") in named


def test_of_webhook_configurations_ours_alone_is_seen_and_written() -> None:
    mine = rights_to("validatingwebhookconfigurations")

    verbs = ("get", "list", "watch", "create", "patch", "update", "delete")
    assert mine == {(verb, "argosy-images") for verb in verbs}
