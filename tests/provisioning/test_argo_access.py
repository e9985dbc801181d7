"""Whom Argo's server takes a person for: the rules as text, and as the real expr library reads them."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioning.argo_access import (
    LONGEST_RULE,
    NOBODY,
    Admitted,
    NoGroups,
    Provider,
    TooLong,
    quoted,
    rules,
    sso,
)
from tenants.levels import Level

from .rule_reader import Answer, RuleReader, accounts_with, rule_reader

GROUPS = {
    Level.OWNER: "payments-owners",
    Level.MEMBER: "payments-members",
    Level.VIEWER: "payments-viewers",
}
KEYCLOAK = Provider(issuer="https://id.example.com/realms/main", groups_from="token")

NAMES = [
    "payments owners",
    "/payments/owners",
    "it's",
    'say "so"',
    "back\\slash",
    "back\\",
    "tab\tand\nline\r",
    "'; true || '",
    "x' in groups || true || 'y",
    "${groups}",
    "`raw`",
    "#{1+1} /* no */ // end",
    "zahlungén",
    "支払い",
    "👩‍💻 crew",
    "\u2028\u200b\ufeff",
    "nul\x00inside",
    "\x7f",
    "a" * 200,
    "CN=Owners,OU=Payments,DC=example,DC=com",
]


def test_a_rule_is_the_group_and_who_is_shut_out_of_it() -> None:
    found = rules(Admitted(GROUPS, {Level.OWNER: ["sub-2", "sub-1", "sub-1"]}))

    assert found[Level.OWNER].rule == (
        "('payments-owners' in groups) && !(sub in ['sub-1', 'sub-2'])"
    )
    assert found[Level.VIEWER].rule == "('payments-viewers' in groups)"


def test_the_stronger_level_is_tried_first() -> None:
    found = rules(Admitted(GROUPS))

    assert [found[level].precedence for level in Level] == sorted(
        (rule.precedence for rule in found.values()), reverse=True
    )


def test_a_level_without_a_group_has_no_rule() -> None:
    assert rules(Admitted({Level.OWNER: "o", Level.MEMBER: ""})).keys() == {Level.OWNER}


def test_a_rule_that_outgrows_what_an_account_can_carry_lets_nobody_in() -> None:
    many = [f"{number:0250}" for number in range(1000)]

    found = rules(Admitted(GROUPS, {Level.OWNER: many}))

    assert found[Level.OWNER].rule == NOBODY
    assert found[Level.MEMBER].rule != NOBODY
    assert sum(len(rule.rule) for rule in found.values()) < LONGEST_RULE


@pytest.mark.parametrize("said", ["", "claims", "Token"])
def test_a_provider_that_sends_no_groups_is_refused_before_there_is_a_rule(said: str) -> None:
    with pytest.raises(NoGroups, match=r"id\.example\.com.*ARGOSY_ARGO_GROUPS_FROM"):
        Provider(issuer="https://id.example.com", groups_from=said)


def test_a_claim_that_argo_would_not_find_is_refused() -> None:
    with pytest.raises(NoGroups, match="called roles"):
        Provider(issuer="https://id.example.com", groups_from="userinfo", groups_claim="roles")


@pytest.mark.parametrize("minutes", [0, 61, 600])
def test_no_session_goes_by_old_groups_for_longer_than_an_hour(minutes: int) -> None:
    with pytest.raises(TooLong, match="1 to 60"):
        Provider(issuer="https://id.example.com", groups_from="token", session_minutes=minutes)


def test_the_server_is_told_of_the_teams_groups_and_of_no_others() -> None:
    told = sso(KEYCLOAK, Admitted(GROUPS), host="payments.argo.example.com", client="sign-on")

    assert told.redirect_url == "https://payments.argo.example.com/oauth2/callback"
    assert told.session_expiry == "60m"
    assert told.rbac is not None
    assert told.rbac.enabled is True
    assert told.filter_groups_regex == [
        r"^payments\-members$",
        r"^payments\-owners$",
        r"^payments\-viewers$",
    ]
    assert told.custom_group_claim_name is None


@given(st.text())
def test_no_text_leaves_its_quotes(text: str) -> None:
    assert re.fullmatch(r"'([ -&(-\[\]-~]|\\u[0-9a-f]{4}|\\U[0-9a-f]{8})*'", quoted(text))


@pytest.fixture(scope="module")
def argo() -> Iterator[RuleReader]:
    with rule_reader() as reader:
        yield reader


def taken_for(argo: RuleReader, admitted: Admitted, *groups: str, sub: str = "sub-1") -> Answer:
    """What Argo's server makes of a person in these groups."""
    keeping = sso(KEYCLOAK, admitted, host="x", client="c").filter_groups_regex or ()
    return argo.asked(
        accounts_with(rules(admitted)), {"sub": sub, "groups": list(groups)}, keeping=keeping
    )


@pytest.mark.cluster
class TestAsArgoReadsIt:
    @pytest.mark.parametrize("level", Level)
    def test_each_level_has_its_account(self, argo: RuleReader, level: Level) -> None:
        found = taken_for(argo, Admitted(GROUPS), GROUPS[level], "other")

        assert (found.account, found.error) == (f"argo-{level}", "")
        assert found.groups == (GROUPS[level],)  # the cookie stays small

    def test_who_has_several_levels_has_the_strongest(self, argo: RuleReader) -> None:
        assert taken_for(argo, Admitted(GROUPS), *reversed(GROUPS.values())).account == "argo-owner"

    def test_a_stranger_is_nobody(self, argo: RuleReader) -> None:
        assert taken_for(argo, Admitted(GROUPS), "ledger-owners").account == ""
        assert taken_for(argo, Admitted(GROUPS), "payments-owners-2").account == ""

    def test_a_session_without_groups_is_refused_and_no_rule_below_is_reached(
        self, argo: RuleReader
    ) -> None:
        everybody = {
            "kind": "ServiceAccount",
            "metadata": {
                "name": "everybody",
                "annotations": {"workflows.argoproj.io/rbac-rule": "true"},
            },
        }
        accounts = [*accounts_with(rules(Admitted(GROUPS))), everybody]

        found = argo.asked(accounts, {"sub": "sub-1"})

        assert found.account == ""
        assert "unknown name groups" in found.error

    def test_who_is_shut_out_is_nobody_while_others_go_on(self, argo: RuleReader) -> None:
        without = Admitted(GROUPS, {level: ["sub-1", "sub-7"] for level in Level})

        assert taken_for(argo, without, *GROUPS.values()).account == ""
        assert taken_for(argo, without, *GROUPS.values(), sub="sub-2").account == "argo-owner"

    def test_who_was_owner_and_is_viewer_now_is_viewer(self, argo: RuleReader) -> None:
        lowered = Admitted(GROUPS, {Level.OWNER: ["sub-1"], Level.MEMBER: ["sub-1"]})

        assert taken_for(argo, lowered, *GROUPS.values()).account == "argo-viewer"

    @pytest.mark.parametrize("name", NAMES)
    def test_every_name_of_a_group_means_itself(self, argo: RuleReader, name: str) -> None:
        admitted = Admitted({Level.MEMBER: name})

        found = taken_for(argo, admitted, name)

        assert (found.account, found.error) == ("argo-member", "")
        assert taken_for(argo, admitted, "other", f"{name}x", name[:-1]).account == ""

    @pytest.mark.parametrize("sub", NAMES)
    def test_every_subject_means_itself(self, argo: RuleReader, sub: str) -> None:
        admitted = Admitted(GROUPS, {Level.OWNER: ["a", sub, "z"]})

        assert taken_for(argo, admitted, "payments-owners", sub=sub).account == ""
        assert taken_for(argo, admitted, "payments-owners", sub=f"{sub}x").account == "argo-owner"

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        group=st.text(min_size=1, max_size=200),
        other=st.text(max_size=200),
        out=st.lists(st.text(min_size=1, max_size=50), max_size=5),
        sub=st.text(min_size=1, max_size=50),
    )
    def test_whatever_the_names_the_rule_says_what_is_meant(
        self, argo: RuleReader, group: str, other: str, out: list[str], sub: str
    ) -> None:
        found = taken_for(
            argo, Admitted({Level.VIEWER: group}, {Level.VIEWER: out}), group, sub=sub
        )

        assert found.account == ("" if sub in out else "argo-viewer")
        stranger = taken_for(argo, Admitted({Level.VIEWER: group}), other, sub=sub)
        assert stranger.account == ("argo-viewer" if other == group else "")

    def test_five_hundred_who_left_at_once_are_all_shut_out(self, argo: RuleReader) -> None:
        gone = [f"f{number:07}-1b2c-4d3e-8f9a-0123456789ab" for number in range(500)]
        admitted = Admitted(GROUPS, dict.fromkeys(Level, gone))

        assert taken_for(argo, admitted, *GROUPS.values(), sub=gone[250]).account == ""
        assert taken_for(argo, admitted, *GROUPS.values(), sub="stays").account == "argo-owner"

    def test_a_claim_of_another_name_is_read_where_argo_is_told_of_it(
        self, argo: RuleReader
    ) -> None:
        provider = Provider(
            issuer="https://id.example.com", groups_from="token", groups_claim="roles"
        )
        claim = sso(provider, Admitted(GROUPS), host="x", client="c").custom_group_claim_name or ""
        sign_in = {"sub": "s", "roles": ["payments-members"]}

        found = argo.asked(accounts_with(rules(Admitted(GROUPS))), sign_in, claim=claim)

        assert found.account == "argo-member"
