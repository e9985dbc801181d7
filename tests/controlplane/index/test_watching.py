"""Following a kind: a list, then what happens after it, and from where it broke off."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.index import watching
from controlplane.index.entries import OwnedEntry, QuotaEntry
from controlplane.index.kinds import POLICIES, QUOTA, STREAMS, WORKFLOW
from controlplane.index.watching import (
    Changed,
    Follower,
    Heard,
    Listed,
    News,
    Reader,
    Standing,
    pause,
)
from controlplane.kube.door import Event
from controlplane.kube.errors import refused
from controlplane.objects import Manifest, Ref, ref_of
from tests.fakes import FakeCluster

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}}
IN_STEP = Standing(in_step=True)


def hello(name: str = "hello") -> Manifest:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "namespace": "payments"},
        "spec": {"entrypoint": "main"},
    }


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.create(NAMESPACE)
    return cluster


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "pause", lambda _failures, _luck: 0)


class Told(list[News]):
    """All news, until there is enough of it."""

    def __init__(self, enough: int, ended: threading.Event) -> None:
        super().__init__()
        self._enough, self._ended = enough, ended

    def __call__(self, news: News) -> None:
        self.append(news)
        if len(self) >= self._enough:
            self._ended.set()

    def names(self) -> list[str]:
        return [
            f"{'-' if n.gone else ''}{n.entry.name}"  # type: ignore[union-attr]
            for n in self
            if isinstance(n, Changed)
        ]


def follow(kube: Any, *, enough: int, known: int = 0, seconds: int = 0) -> Told:
    """What a follower tells until it told enough."""
    ended = threading.Event()
    told = Told(enough, ended)
    Follower(kube, WORKFLOW, known=known, tell=told, ended=ended, seconds=seconds).run()
    return told


class Story(FakeCluster):
    """A cluster to which something happens each time somebody begins to watch it."""

    acts: list[Any]

    def watch(self, *args: Any, **kwargs: Any) -> Iterator[Event]:
        stream = super().watch(*args, **kwargs)
        if self.acts and (act := self.acts.pop(0)):
            act(self)
        return stream


def story(*acts: Any) -> Story:
    told = Story()
    told.create(NAMESPACE)
    told.acts = list(acts)
    return told


def test_first_comes_the_whole_list_and_then_it_is_in_step(cluster: FakeCluster) -> None:
    for number in range(3):
        cluster.create(hello(f"w{number}"))

    listed, standing, heard = follow(cluster, enough=3)

    assert isinstance(listed, Listed)
    assert [e.name for e in listed.entries] == ["w0", "w1", "w2"]  # type: ignore[union-attr]
    assert not listed.went_back
    assert (standing, heard) == (IN_STEP, Heard())


def test_a_long_list_is_read_in_pages(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PAGE", 2)
    for number in range(5):
        cluster.create(hello(f"w{number}"))

    (listed,) = follow(cluster, enough=1)

    assert isinstance(listed, Listed)
    assert len(listed.entries) == 5
    assert len([call for call in cluster.calls if call.startswith("list")]) == 3


def test_then_each_change_is_told_in_order() -> None:
    def act(cluster: FakeCluster) -> None:
        made = cluster.create(hello("a"))
        cluster.create(hello("b"))
        cluster.delete(ref_of(made))

    told = follow(story(act), enough=5)

    assert told.names() == ["a", "b", "-a"]


def test_a_stream_that_ends_is_gone_on_with_and_nothing_is_missed() -> None:
    cluster = story(None, lambda c: c.create(hello()))

    told = follow(cluster, enough=5)

    assert told.names() == ["hello"]
    assert len([news for news in told if isinstance(news, Listed)]) == 1


def test_what_the_cluster_forgot_is_listed_again() -> None:
    def act(cluster: FakeCluster) -> None:
        cluster.create(hello())
        cluster.compact()

    told = follow(story(act), enough=5)

    assert [type(news) for news in told] == [Listed, Standing, Standing, Listed, Standing]
    assert told[2].in_step is False  # type: ignore[union-attr]
    again = told[3]
    assert isinstance(again, Listed)
    assert [e.name for e in again.entries] == ["hello"]  # type: ignore[union-attr]


def test_a_cluster_that_is_away_is_told_with_its_reason_and_found_again() -> None:
    class Away(FakeCluster):
        weather = iter([False, False, True, True])

        def _called(self, verb: str, ref: Ref) -> None:
            self.unreachable = next(self.weather, False)
            super()._called(verb, ref)

    cluster = Away()

    told = follow(cluster, enough=7)

    standings = [news for news in told if isinstance(news, Standing)]
    assert [s.in_step for s in standings] == [True, False, False, True]
    assert "cannot be reached" in standings[1].message
    assert len([news for news in told if isinstance(news, Listed)]) == 1


def test_a_place_that_is_refused_again_and_again_is_given_up(cluster: FakeCluster) -> None:
    cluster.refusals["watch", "Workflow"] = refused(500, {"message": "oops"})

    told = follow(cluster, enough=5)

    assert [type(news) for news in told] == [Listed, Standing, Standing, Standing, Listed]


def test_a_cluster_of_before_is_known_by_its_numbers(cluster: FakeCluster) -> None:
    (listed,) = follow(cluster, enough=1, known=9_999_999)

    assert isinstance(listed, Listed)
    assert listed.went_back


def test_a_cluster_that_is_set_back_while_it_is_watched_is_listed_again() -> None:
    def act(cluster: FakeCluster) -> None:
        cluster._numbers = itertools.count(2)
        cluster.changes.clear()

    for_long = story(None, act)
    for _ in range(50):  # much had happened
        next(for_long._numbers)

    told = follow(for_long, enough=6)

    lists = [news for news in told if isinstance(news, Listed)]
    assert [listed.went_back for listed in lists] == [False, True]


def test_an_odd_answer_does_not_end_a_watch(
    cluster: FakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(FakeCluster):
        def watch(self, *_: Any, **__: Any) -> Iterator[Event]:
            yield Event("ADDED", {"metadata": {}})

    told = follow(Odd(), enough=4)

    assert [type(news) for news in told] == [Listed, Standing, Standing, Listed]
    assert "its log" in told[2].message  # type: ignore[union-attr]
    assert "nobody foresaw" in caplog.text


def test_what_has_ended_tells_nothing_more(cluster: FakeCluster) -> None:
    ended = threading.Event()
    ended.set()
    told: list[News] = []

    Follower(cluster, WORKFLOW, known=0, tell=told.append, ended=ended).run()

    assert not told
    assert not [call for call in cluster.calls if call.startswith(("list", "watch"))]


@pytest.mark.parametrize(
    ("failures", "luck", "seconds"),
    [(1, 0.0, 0.5), (1, 1.0, 1.0), (3, 0.0, 2.0), (7, 1.0, 60.0), (99_999, 0.0, 30.0)],
)
def test_it_tries_ever_later_and_not_all_at_once(
    failures: int, luck: float, seconds: float
) -> None:
    assert pause(failures, luck) == seconds


def test_two_who_read_of_the_same_objects_share_one_stream() -> None:
    cluster = story(lambda c: c.apply(team_quota("20")))
    cluster.apply(team_quota("10"))
    ended = threading.Event()
    counted, guarded = Told(3, ended), Told(3, ended)
    (stream,) = (s for s in STREAMS if QUOTA in s.kinds)
    (other,) = (kind for kind in stream.kinds if kind != QUOTA)

    beside = [Reader(other.entry, guarded)]
    Follower(
        cluster, stream.asked, known=0, tell=counted, ended=ended, seconds=1, beside=beside
    ).run()

    assert [type(news) for news in counted[:3]] == [Listed, Standing, Changed]
    assert [type(news) for news in guarded] == [type(news) for news in counted][: len(guarded)]
    assert isinstance(counted[2], Changed)
    assert isinstance(counted[2].entry, QuotaEntry)
    assert isinstance(guarded[0], Listed)
    assert isinstance(guarded[0].entries[0], OwnedEntry)
    assert len([call for call in cluster.calls if call.startswith("watch")]) == 1


def team_quota(pods: str) -> Manifest:
    labels = {"argosy.dev/managed": "true"}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team-quota", "namespace": "payments", "labels": labels},
        "spec": {"hard": {"pods": pods}},
    }


def test_of_webhook_configurations_ours_alone_is_asked_for_by_its_name() -> None:
    (kind,) = (k for k in POLICIES if k.name == "ValidatingWebhookConfiguration")
    cluster = story(lambda c: [c.apply(webhooks(name)) for name in ("another", "argosy-images")])
    ended = threading.Event()
    told = Told(3, ended)

    Follower(cluster, kind, known=0, tell=told, ended=ended, seconds=1).run()

    assert isinstance(told[2], Changed)
    assert told[2].entry.uid == cluster.get(ref_of(webhooks("argosy-images")))["metadata"]["uid"]  # type: ignore[index]


def webhooks(name: str) -> Manifest:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [],
    }


def test_a_cluster_has_a_connection_for_each_kind_and_no_more() -> None:
    kinds = {(s.asked.api_version, s.asked.name) for s in STREAMS}

    assert len(STREAMS) == len(kinds) == 16
    assert [s.asked for s in STREAMS if len(s.kinds) > 1] == [QUOTA]  # counted, and guarded
