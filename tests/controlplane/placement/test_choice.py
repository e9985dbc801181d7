"""Which cluster takes a namespace, and what is said of it."""

from decimal import Decimal
from typing import Any

import pytest

from controlplane.placement.choice import Amount, Ask, Candidate, choose, keeps_out, offered
from tenants.placed import NoPlace, shown


def amount(cpu: float, gib: float) -> Amount:
    return Amount(Decimal(str(cpu)), Decimal(str(gib)))


def ask(**about: Any) -> Ask:
    usual: dict[str, Any] = {
        "name": "night",
        "team": "Payments",
        "tier": "small",
        "adds": amount(4, 16),
        "labels": {"region": "eu"},
        "tier_labels": {},
        "zones": {},
    }
    return Ask(**{**usual, **about})


def eu(name: str, zone: str = "", **about: Any) -> Candidate:
    labels = {"region": "eu"} | ({"zone": zone} if zone else {}) | about.pop("labels", {})
    return Candidate(name=name, labels=labels, **about)


def test_the_one_with_the_labels_is_chosen_and_the_others_are_counted() -> None:
    placed = choose(ask(), [Candidate("us-1", {"region": "us"}), eu("eu-1")])

    assert placed.cluster == "eu-1"
    assert placed.why == (
        "eu-1 has region=eu, as asked.",
        "It is the only one that can take it now.",
    )
    assert placed.others == "1 other cluster does not have region=eu."
    assert placed.kept_out == ()


@pytest.mark.parametrize(
    ("about", "code", "says"),
    [
        ({"scheduling": "cordoned"}, "cordoned", "eu-1 is cordoned: no new namespaces come to it."),
        (
            {"scheduling": "cordoned", "why_closed": "Its disks are changed."},
            "cordoned",
            "eu-1 is cordoned (Its disks are changed): no new namespaces come to it.",
        ),
        ({"scheduling": "draining"}, "draining", "eu-1 is draining: no new namespaces come to it."),
        ({"reachable": False}, "unreachable", "eu-1 does not answer."),
        ({"reachable": None}, "unreachable", "eu-1 was not asked yet."),
        ({"has_name": True}, "name_taken", "eu-1 already has a namespace night."),
        (
            {"room": amount(10, 100), "promised": amount(8, 0)},
            "no_room",
            "eu-1 has no room left for tier small.",
        ),
        (
            {"room": amount(10, 100), "promised": amount(0, 90)},
            "no_room",
            "eu-1 has no room left for tier small.",
        ),
    ],
)
def test_a_cluster_that_cannot_take_it_is_kept_out_by_name(
    about: dict[str, Any], code: str, says: str
) -> None:
    placed = choose(ask(), [eu("eu-1", **about), eu("eu-2")])

    assert placed.cluster == "eu-2"
    assert [(each.code, each.sentence) for each in placed.kept_out] == [(code, says)]


def test_a_tier_goes_only_where_its_labels_are() -> None:
    large = ask(tier="large", tier_labels={"size": "large"})
    clusters = [eu("eu-1"), eu("eu-2", labels={"size": "large"})]

    placed = choose(large, clusters)

    assert placed.cluster == "eu-2"
    assert "It carries tier large (size=large)." in placed.why
    assert placed.kept_out[0].sentence == "eu-1 does not carry tier large, which wants size=large."


def test_a_team_is_spread_over_zones_before_anything_else() -> None:
    busy = eu("a-1", "a", room=amount(100, 1000))
    full = eu("b-1", "b", room=amount(10, 40), promised=amount(5, 20))

    placed = choose(ask(zones={("eu", "a"): 2}), [busy, full])

    assert placed.cluster == "b-1"
    assert (
        "Payments has nothing in zone b yet, and more where the others that could take it are."
        in placed.why
    )


def test_zones_of_two_regions_with_one_name_are_two() -> None:
    here, there = eu("eu-1", "a"), Candidate("us-1", {"region": "us", "zone": "a"})

    assert choose(ask(labels={}, zones={("eu", "a"): 1}), [here, there]).cluster == "us-1"


def test_of_equal_zones_the_one_with_most_room_is_chosen() -> None:
    full = eu("a", room=amount(100, 400), promised=amount(80, 80))
    free = eu("b", room=amount(100, 400), promised=amount(20, 80))

    placed = choose(ask(), [full, free])

    assert placed.cluster == "b"
    assert "It has the most room left of the 2 that could take it." in placed.why
    assert placed.figures == (
        "With this, 24 of the 100 cores and 96 of the 400 GiB that it may promise are promised on b."
    )


def test_room_is_that_of_whatever_is_scarcer() -> None:
    no_memory = eu("a", room=amount(100, 100), promised=amount(0, 80))
    some_of_both = eu("b", room=amount(100, 100), promised=amount(50, 50))

    assert choose(ask(), [no_memory, some_of_both]).cluster == "b"


def test_a_cluster_of_unknown_room_comes_after_those_that_have_some() -> None:
    known = eu("z", room=amount(100, 400), promised=amount(90, 80))

    assert choose(ask(), [eu("a"), known]).cluster == "z"


def test_what_the_nodes_have_is_weighed_and_limits_nothing() -> None:
    small = eu("a", room=amount(2, 8), limited=False)
    big = eu("b", room=amount(64, 256), limited=False)

    assert keeps_out(ask(), small) is None
    placed = choose(ask(), [small, big])
    assert placed.cluster == "b"
    assert "4 of the 64 cores" in placed.figures
    assert "that its nodes have" in placed.figures


def test_where_none_is_better_the_name_decides_and_it_is_said() -> None:
    placed = choose(ask(), [eu("b"), eu("a")])

    assert placed.cluster == "a"
    assert any(each.startswith("None of the 2") for each in placed.why)
    assert any("is not known" in each for each in placed.why)


def test_labels_that_no_cluster_has_are_told_with_those_there_are() -> None:
    with pytest.raises(NoPlace) as refused:
        choose(ask(labels={"region": "mars"}), [eu("eu-1"), Candidate("us-1", {"region": "us"})])

    assert refused.value.code == "no_such_labels"
    assert refused.value.sentence == "No cluster has region=mars. There is: region=eu, us."


def test_where_none_can_take_it_each_says_why() -> None:
    clusters = [eu("eu-1", scheduling="cordoned"), eu("eu-2", reachable=False)]

    with pytest.raises(NoPlace) as refused:
        choose(ask(), [*clusters, Candidate("us-1", {"region": "us"})])

    assert [each.code for each in refused.value.kept_out] == ["cordoned", "unreachable"]
    assert "eu-1 is cordoned" in refused.value.sentence
    assert "1 other cluster does not have region=eu." in refused.value.sentence


def test_without_any_cluster_that_is_said() -> None:
    with pytest.raises(NoPlace, match="no cluster yet"):
        choose(ask(), [])


def test_only_so_many_refusals_are_named() -> None:
    clusters = [eu(f"eu-{n:02}", scheduling="cordoned") for n in range(15)]

    placed = choose(ask(), [*clusters, eu("open")])

    assert len(placed.kept_out) == 10
    assert placed.others == "5 more cannot take it."


def test_a_cluster_that_a_person_named_may_be_away_but_not_cordoned() -> None:
    named = ask(labels=None)

    assert keeps_out(named, eu("eu-1", reachable=False)) is None
    assert keeps_out(named, eu("eu-1", scheduling="cordoned")) is not None


def test_how_full_a_cluster_is_is_not_told_to_a_team() -> None:
    full = eu("a", room=amount(1, 1))
    placed = choose(ask(), [full, eu("b", room=amount(9, 99))])

    assert "cores" not in str(shown(placed, figures=False))
    assert "9 cores" in str(shown(placed, figures=True))
    assert "1 cores" in str(shown(placed, figures=True))


def test_what_can_be_asked_for_is_what_some_cluster_has() -> None:
    clusters = [eu("a"), Candidate("b", {"region": "us", "environment": "prod"})]

    assert offered(clusters) == {"environment": ["prod"], "region": ["eu", "us"]}
