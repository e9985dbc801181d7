"""What was seen arrives once it can, in its order, and never fills a disk."""

from datetime import timedelta
from pathlib import Path

import pytest

from controlplane.admission.spool import Spool
from controlplane.agent.posting import MOST, Outbox, Poster
from controlplane.agent.seen import Scanned, Sighting
from tests.street import NOW, Street


def seen(number: int = 0, namespace: str = "payments") -> Sighting:
    return Sighting(
        namespace, "Pod", f"p-{number}", "spec.containers[0].image", "main", "evil.io/x",
        "not-allowed", "no rule allows it", "refused", "event", NOW + timedelta(seconds=number),
    )  # fmt: skip


@pytest.fixture
def poster(platform: Street, tmp_path: Path) -> Poster:
    spool = tmp_path / "spool"
    spool.mkdir()
    return Poster(platform.platform(tmp_path), Outbox(tmp_path / "outbox"), spool)


def test_what_is_said_is_posted_and_gone(platform: Street, poster: Poster) -> None:
    poster.outbox.say([seen(1), seen(2)])

    assert poster.step()
    assert poster.step()

    assert [s["name"] for s in platform.sightings()] == ["p-1", "p-2"]
    assert poster.outbox.waiting() == []


def test_what_the_webhook_spooled_is_passed_on(platform: Street, poster: Poster) -> None:
    assert poster.spool is not None
    spool = Spool(poster.spool)
    spool.say([{"image": "evil.io/x", "source": "webhook"}])
    spool.write()

    poster.step()

    assert platform.sightings() == [{"image": "evil.io/x", "source": "webhook"}]


def test_who_found_nothing_to_post_is_not_woken_to_look_again(poster: Poster) -> None:
    for _ in range(2):
        poster.step()

    assert not poster.outbox.news.is_set()


def test_while_the_platform_is_away_it_waits_through_a_restart(
    platform: Street, poster: Poster
) -> None:
    platform.status = 503
    poster.outbox.say([seen(1)])
    assert not poster.step()
    again = Poster(poster.platform, Outbox(poster.outbox.folder))
    again.outbox.say([seen(2)])
    platform.status = 200

    assert again.step()

    assert [s["name"] for s in platform.sightings()] == ["p-1", "p-2"]
    assert len(platform.posts) == 1


def test_a_namespace_is_called_clean_only_after_all_that_was_seen_in_it(
    platform: Street, poster: Poster
) -> None:
    poster.outbox.say([seen(n) for n in range(2 * MOST + 1)], [Scanned("payments", NOW, 3)])

    poster.step()

    assert [bool(post["scanned"]) for post in platform.posts] == [False, False, True]
    assert all(len(post["sightings"]) <= MOST for post in platform.posts)
    assert len(platform.sightings()) == 2 * MOST + 1


def test_one_thing_that_is_never_taken_does_not_hold_up_the_others(
    platform: Street, poster: Poster
) -> None:
    platform.refused = "p-3"
    poster.outbox.say([seen(n) for n in range(8)])

    assert poster.step()

    assert sorted(str(s["name"]) for s in platform.sightings()) == [
        f"p-{n}" for n in range(8) if n != 3
    ]
    assert poster.outbox.dropped == 1


def test_the_disk_is_bounded_and_the_oldest_goes_first(platform: Street, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", largest=2000)
    poster = Poster(platform.platform(tmp_path), outbox)
    platform.status = 503
    for number in range(20):
        outbox.say([seen(number)])
        poster.step()
    size = sum(file.stat().st_size for file in outbox.waiting())
    platform.status = 200
    poster.step()

    assert size <= 2000
    assert outbox.dropped == 20 - len(platform.sightings())
    assert platform.sightings()[-1]["name"] == "p-19"


def test_memory_is_bounded(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, most=10)

    outbox.say([seen(n) for n in range(25)])

    assert outbox.dropped == 15


def test_half_a_file_of_a_machine_that_went_down_is_passed_over(
    platform: Street, poster: Poster
) -> None:
    (poster.outbox.folder / "0000000000000001.json").write_bytes(b'{"sightings": [{"ima')
    poster.outbox.say([seen(1)])

    assert poster.step()

    assert [s["name"] for s in platform.sightings()] == ["p-1"]
