"""What is brought is looked at before it is kept; what holds goes on to hold."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controlplane.agent import pulling
from controlplane.agent.pulling import Puller
from controlplane.policies.bundle import Fact
from controlplane.policies.document import Document
from tests.street import NOW, TOKEN, Street
from tests.webhook import DIGEST


@pytest.fixture
def puller(platform: Street, tmp_path: Path) -> Puller:
    loaded = platform.loaded(tmp_path / "bundle")
    return Puller(platform.platform(tmp_path), loaded, now=lambda: NOW)


def fact(number: int, *, epoch: int = 1) -> Fact:
    return Fact(f"harbor.acme.test/payments/{number}", DIGEST, ("k",), epoch, NOW)


def held(puller: Puller) -> int:
    assert puller.loaded.bundle is not None
    return puller.loaded.bundle.version


def anew(puller: Puller) -> Puller:
    """The agent after a restart: another one, on the same folder."""
    loaded = type(puller.loaded)(
        puller.loaded.folder, puller.loaded.keys_file, cluster=puller.loaded.cluster
    )
    return Puller(puller.platform, loaded, now=puller.now)


def test_a_new_bundle_is_kept_and_holds_with_the_agents_own_token(
    platform: Street, puller: Puller
) -> None:
    platform.publish(version=3)

    assert puller.pull()

    assert held(puller) == 3
    assert platform.tokens == {f"Bearer {TOKEN}"}


def test_what_is_known_already_is_not_sent_again(platform: Street, puller: Puller) -> None:
    platform.publish(version=3)
    puller.pull()
    puller.pull()

    assert [tag for path, tag in platform.asked if path.endswith("/bundle/")] == ["", '"3-x"']


@pytest.mark.parametrize(
    "bad", ["truncated", "unsigned", "strange key", "older", "another cluster"]
)
def test_what_cannot_be_believed_leaves_the_last_good_one(
    platform: Street, puller: Puller, bad: str
) -> None:
    platform.publish(version=3)
    puller.pull()
    before = (puller.loaded.folder / "bundle.json").read_bytes()
    match bad:
        case "truncated":
            platform.publish(version=4)
            platform.bundle = platform.bundle[:-50]
        case "unsigned":
            platform.bundle, platform.etag = b'{"version": 4}', '"4-x"'
        case "strange key":
            platform.publish(version=4, key=Ed25519PrivateKey.generate())
        case "older":
            platform.publish(version=2)
        case _:
            platform.publish(version=4, cluster="elsewhere")

    assert not puller.pull()

    assert held(puller) == 3
    assert puller.problem
    assert (puller.loaded.folder / "bundle.json").read_bytes() == before
    assert held_after_restart(puller) == 3


def held_after_restart(puller: Puller) -> int:
    again = anew(puller)
    again.loaded.look()
    return held(again)


def test_a_bundle_that_was_spoilt_on_the_disk_is_brought_again(
    platform: Street, puller: Puller
) -> None:
    platform.publish(version=3)
    puller.pull()
    file = puller.loaded.folder / "bundle.json"
    whole = file.read_bytes()
    file.write_bytes(whole[:100])

    assert puller.pull()

    assert held(puller) == 3
    assert file.read_bytes() == whole


def test_the_platform_is_down_for_a_day_and_the_agent_goes_on_and_says_how_old(
    platform: Street, puller: Puller, caplog: pytest.LogCaptureFixture
) -> None:
    platform.publish(version=3, created=NOW)
    puller.pull()
    platform.status = 503
    later = NOW
    with caplog.at_level(logging.WARNING):
        for _ in range(24 * 4):
            later += timedelta(minutes=15)
            puller.now = lambda at=later: at  # type: ignore[misc]
            assert not puller.pull()

    assert held(puller) == 3
    assert (
        puller.standing() == "Policy bundle 3, made 24 hours ago, goes on to hold in this cluster."
    )
    assert 23 <= len(caplog.records) <= 25
    assert held_after_restart(puller) == 3


def test_a_token_that_is_refused_is_said_with_the_way_out(platform: Street, puller: Puller) -> None:
    platform.status = 401

    assert not puller.pull()

    assert "have a new one made" in puller.problem


def test_facts_come_chunk_by_chunk_from_where_they_ended(platform: Street, puller: Puller) -> None:
    platform.publish()
    platform.verified(fact(1), version=5, since=0)
    platform.verified(fact(2), version=9, since=5)
    puller.pull()
    platform.verified(fact(3), version=10, since=9)

    assert puller.pull()

    assert len(puller.loaded.facts) == 3
    again = anew(puller)
    again.loaded.look()
    assert len(again.loaded.facts) == 3


def test_many_small_files_of_facts_become_one(
    platform: Street, puller: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "MOST_SMALL", 3)
    platform.publish()
    for number in range(4):
        platform.verified(fact(number), version=number + 1, since=number)
        puller.pull()
    assert len(list(puller.loaded.folder.glob("facts-*.json"))) == 4
    platform.facts.clear()
    platform.verified(*map(fact, range(6)), version=6, since=0)

    assert puller.pull()

    assert len(list(puller.loaded.folder.glob("facts-*.json"))) == 1
    again = anew(puller)
    again.loaded.look()
    assert len(again.loaded.facts) == 6


def test_a_spoilt_file_of_facts_is_brought_again(platform: Street, puller: Puller) -> None:
    platform.publish()
    platform.verified(fact(1), version=1, since=0)
    platform.verified(fact(2), version=2, since=1)
    puller.pull()
    (puller.loaded.folder / "facts-000000000002.json").write_bytes(b"{")
    again = anew(puller)

    again.pull()
    assert again.pull()

    assert len(again.loaded.facts) == 2


def test_after_a_revocation_the_facts_of_before_are_gone(platform: Street, puller: Puller) -> None:
    platform.publish()
    platform.verified(fact(1), version=1, since=0)
    platform.verified(fact(2), version=2, since=1)
    puller.pull()
    platform.publish(version=2, trust_epoch=2)
    platform.facts.clear()
    platform.verified(fact(1, epoch=2), version=4, since=0)

    assert puller.pull()

    assert [f.name for f in puller.loaded.folder.glob("facts-*.json")] == [
        "facts-000000000004.json"
    ]
    assert puller.loaded.facts.of("harbor.acme.test/payments/1", DIGEST) is not None
    assert puller.loaded.facts.of("harbor.acme.test/payments/2", DIGEST) is None


def test_a_bundle_that_would_let_in_nobodys_images_is_not_taken(
    platform: Street, puller: Puller
) -> None:
    platform.publish(version=3)
    puller.pull()
    platform.publish(Document(name="open", default="allow"), version=4, namespaces={"x": "gone"})

    puller.pull()

    assert held(puller) in {3, 4}
