"""Quotas as people read them."""

import pytest

from controlplane.console.amounts import SHORT, amounts_of, shown


@pytest.mark.parametrize(
    ("key", "quantity", "text"),
    [
        ("requests.cpu", "18200m", "18.2"),
        ("requests.cpu", "100", "100"),
        ("requests.cpu", "0", "0"),
        ("requests.cpu", "20m", "0.02"),
        ("requests.memory", "61Gi", "61 Gi"),
        ("requests.memory", "1536Mi", "1.5 Gi"),
        ("requests.memory", "0", "0"),
        ("requests.storage", "2Ti", "2 Ti"),
        ("limits.ephemeral-storage", "512Ki", "512 Ki"),
        ("pods", "200", "200"),
        ("count/memory.example.org", "2048", "2048"),
        ("requests.cpu", "many", "many"),
    ],
)
def test_a_quantity_carries_the_unit_of_its_resource(key: str, quantity: str, text: str) -> None:
    assert shown(key, quantity) == text


@pytest.mark.parametrize(
    ("used", "percent", "look"),
    [("0", 0, ""), ("3", 30, ""), ("8", 80, "high"), ("9500m", 95, "full"), ("12", 100, "full")],
)
def test_a_bar_warns_before_it_is_full(used: str, percent: int, look: str) -> None:
    (amount,) = amounts_of({"requests.cpu": "10"}, {"requests.cpu": used})

    assert (amount.percent, amount.look) == (percent, look)


def test_of_nothing_anything_is_all() -> None:
    assert amounts_of({"pods": "0"}, {"pods": "0"})[0].percent == 100


def test_what_is_not_counted_yet_says_so() -> None:
    (amount,) = amounts_of({"pods": "50"}, {})

    assert (amount.used, amount.sentence) == ("", "Pods: 50 at most, not counted yet")


def test_people_look_for_cpu_and_memory_first() -> None:
    hard = dict.fromkeys(("zebras", "pods", "requests.memory", "requests.cpu"), "1")

    assert [a.name for a in amounts_of(hard, {})] == ["CPU", "Memory", "Pods", "zebras"]
    assert [a.key for a in amounts_of(hard, {}, SHORT)] == ["requests.cpu", "requests.memory"]
