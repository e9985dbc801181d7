"""An artifact repository tried on a real S3-compatible store."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from controlplane.secrets.kinds import Held, Tried, s3
from tests.store import Store, store

pytestmark = pytest.mark.production


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with store(tmp_path_factory.mktemp("store")) as running:
        assert running.make_bucket("atlas") == 200
        yield running


@pytest.fixture(autouse=True)
def _near_stores(settings: Settings) -> None:
    settings.STORE_NETWORKS = ["127.0.0.0/8"]


def tried(there: Store, **other: str) -> Tried:
    said = {"endpoint": there.endpoint, "bucket": "atlas", "region": "us-east-1", "tls": "no"}
    keys = {"access_key": there.access_key, "secret_key": there.secret_key}
    values = {name: other.pop(name, key).encode() for name, key in keys.items()}
    return s3.test(Held({**said, **other}, values))


def test_a_bucket_takes_gives_and_lets_go_and_nothing_is_left_in_it(
    there: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert tried(there) == Tried(
        works=True, sentence="atlas took an object, gave it back, and let it go."
    )

    left = [p for p in tmp_path_factory.getbasetemp().rglob("data/atlas/*") if p.is_file()]
    assert left == []


@pytest.mark.parametrize("wrong", [{"secret_key": "canary-wrong"}, {"access_key": "nobody"}])
def test_wrong_keys_are_one_sentence_without_them(there: Store, wrong: dict[str, str]) -> None:
    said = tried(there, **wrong)

    assert not said.works
    assert "the keys, the region or their rights are not right" in said.sentence
    assert "canary-wrong" not in said.sentence


def test_a_bucket_that_there_is_not_is_named(there: Store) -> None:
    said = tried(there, bucket="nobodys")

    assert (said.works, said.sentence) == (False, f"{there.endpoint} has no bucket nobodys.")


def test_a_store_that_speaks_no_tls_is_told_of(there: Store) -> None:
    said = tried(there, tls="yes")

    assert not said.works
    assert "TLS" in said.sentence


def test_one_that_is_not_there_is_told_of(there: Store) -> None:
    said = tried(there, endpoint="127.0.0.1:1")

    assert not said.works
    assert "cannot be reached" in said.sentence


def test_what_is_not_in_the_networks_of_stores_is_not_called(
    there: Store, settings: Settings
) -> None:
    settings.STORE_NETWORKS = ["10.0.0.0/8"]

    assert "is not called from here" in tried(there).sentence
