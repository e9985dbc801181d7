"""Many verified images in little memory."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.policies.bundle import BundleRefused, Fact, FactsDelta
from controlplane.policies.verified import Verified

NOW = datetime.now(UTC)


def digest(number):
    return f"sha256:{number:064x}"


def fact(number, *, key="k1", epoch=1, name="harbor.acme.test/a", **more):
    return Fact(name, digest(number), (key,), epoch, NOW, **more)


def delta(*facts, version=1, since=0):
    return FactsDelta(version, since, NOW, "east", facts)


def test_ten_thousand_images_are_found_and_no_other():
    verified = Verified()
    verified.add(delta(*(fact(n, key=f"k{n % 3}") for n in range(10_000))))

    assert len(verified) == 10_000
    for number in random.sample(range(10_000), 500):
        known = verified.of("harbor.acme.test/a", digest(number))
        assert known.signatures[0].key == f"k{number % 3}"
        assert verified.of("harbor.acme.test/b", digest(number)) is None
    assert verified.of("harbor.acme.test/a", digest(10_000)) is None


def test_an_image_takes_twenty_bytes_and_the_room_a_table_needs():
    verified = Verified()
    verified.add(delta(*(fact(n) for n in range(20_000))))

    assert len(verified._slots) / 20_000 < 45
    assert len(verified._said) == 1


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["k1", "k2", "k3"]))))
def test_what_was_said_last_holds_as_in_a_dictionary(said):
    verified, expected = Verified(), {}

    for version, (number, key) in enumerate(said, 1):
        verified.add(delta(fact(number, key=key), version=version, since=version - 1))
        expected[number] = key

    assert len(verified) == len(expected)
    for number, key in expected.items():
        assert verified.of("harbor.acme.test/a", digest(number)).signatures[0].key == key


def test_a_delta_that_was_taken_says_nothing_new_and_a_gap_is_refused():
    verified = Verified()
    assert verified.add(delta(fact(1), version=3))
    assert not verified.add(delta(fact(1, key="k9"), version=3))
    assert not verified.add(delta(version=2, since=1))

    with pytest.raises(BundleRefused, match="goes on from version 4"):
        verified.add(delta(fact(2), version=5, since=4))
    assert verified.add(delta(fact(2), version=5, since=2))


def test_a_signature_that_names_another_repository_says_so_and_an_error_is_kept():
    verified = Verified()
    other = {"k1": "harbor.acme.test/other"}
    verified.add(delta(fact(1, made_for=other), fact(2, error="the registry was away")))

    assert verified.of("harbor.acme.test/a", digest(1)).signatures[0].repository == other["k1"]
    assert verified.of("harbor.acme.test/a", digest(2)).error == "the registry was away"
