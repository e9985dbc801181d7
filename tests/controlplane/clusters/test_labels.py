"""Labels of clusters: spelled so that `key=value` has one reading, and each refusal names the label."""

import pytest

from controlplane.clusters.labels import MOST, BadLabels, checked, parsed


def test_labels_are_kept_in_the_order_of_their_keys() -> None:
    found = checked({"zone": "b", "region": "eu", "example.com/owner": "team.a_1"})

    assert list(found) == ["example.com/owner", "region", "zone"]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([], "object of texts"),
        ("region=eu", "object of texts"),
        ({"Region": "eu"}, "'Region'"),
        ({"": "eu"}, "cannot be a label's key"),
        ({"re gion": "eu"}, "'re gion'"),
        ({"region\n": "eu"}, "cannot be a label's key"),
        ({"region": "eu\n"}, "the value of region"),
        ({"region": ""}, "the value of region"),
        ({"region": "eu,us"}, "'eu,us'"),
        ({"region": 1}, "the value of region"),
        ({"region": None}, "the value of region"),
        ({1: "eu"}, "cannot be a label's key"),
        ({"region": "x" * 64}, "up to 63"),
        ({"k" * 64: "eu"}, "up to 63"),
        ({"argosy.dev/tier": "x"}, "platform's own"),
        ({f"k{n}": "x" for n in range(MOST + 1)}, "at most 32"),
    ],
)
def test_what_nobody_could_ask_for_is_refused(labels: object, said: str) -> None:
    with pytest.raises(BadLabels) as refusal:
        checked(labels)

    assert said in refusal.value.sentence
    assert refusal.value.field == "labels"


def test_a_terminal_writes_them_with_an_equals_sign() -> None:
    assert parsed(["region=eu", "zone=b"]) == {"region": "eu", "zone": "b"}


@pytest.mark.parametrize("pairs", [["region"], ["region=eu", "region=us"], ["=eu"]])
def test_what_a_terminal_cannot_mean_is_refused(pairs: list[str]) -> None:
    with pytest.raises(BadLabels):
        parsed(pairs)
