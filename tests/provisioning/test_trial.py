"""Whether clusters would take an edited tier: bounded, and what cannot be asked says so."""

import threading
from typing import Any

import pytest

from controlplane.kube.errors import Unreachable
from provisioning import trial
from provisioning.preview import Preview
from provisioning.trial import ASKED, of_tier
from tenants.models import TenantNamespace
from tests.factories import ClusterFactory, NamespaceFactory, tier

pytestmark = pytest.mark.django_db

TAKEN = Preview("hash", (), (), ())
REFUSED = Preview("hash", (), (), ("LimitRange team-limits in a: Invalid value",))


def touched() -> Any:
    return TenantNamespace.objects.live().filter(tier=tier())


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> list[Any]:
    """Clusters that say this of a preview; gives the specs they were asked with."""
    asked: list[Any] = []

    def preview(spec: Any, cluster: Any) -> Preview:
        asked.append(spec)
        found = answers[cluster.name]
        if isinstance(found, Exception):
            raise found
        return found() if callable(found) else found  # type: ignore[no-any-return]

    monkeypatch.setattr(trial, "preview", preview)
    return asked


def test_each_cluster_is_asked_once_with_the_tier_as_edited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("a", "b"):
        cluster = ClusterFactory(name=name)
        NamespaceFactory(cluster=cluster)
        NamespaceFactory(cluster=cluster)
    NamespaceFactory(tier=tier("medium"))
    asked = answering(monkeypatch, {"a": TAKEN, "b": REFUSED})
    edited = tier()
    edited.quota = {**edited.quota, "pods": "7"}

    answers = of_tier(edited, touched())

    assert [(a.cluster, a.taken) for a in answers] == [("a", True), ("b", False)]
    assert "Invalid value" in answers[1].sentence
    assert {spec.tier.quota["pods"] for spec in asked} == {"7"}


def test_a_cluster_that_cannot_be_asked_says_why_and_others_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("a", "b"):
        NamespaceFactory(cluster=ClusterFactory(name=name))
    answering(monkeypatch, {"a": Unreachable("it does not answer"), "b": TAKEN})

    answers = of_tier(tier(), touched())

    assert [(a.taken, a.sentence) for a in answers] == [(None, "it does not answer"), (True, "")]


def test_a_cluster_that_hangs_holds_up_the_page_for_so_long_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    NamespaceFactory(cluster=ClusterFactory(name="a"))
    answers_at_last = threading.Event()
    answering(monkeypatch, {"a": lambda: answers_at_last.wait(30) and TAKEN})
    monkeypatch.setattr(trial, "SECONDS", 0.05)

    found = of_tier(tier(), touched())

    answers_at_last.set()
    assert found[0].taken is None
    assert "did not answer within" in found[0].sentence


def test_only_the_first_few_clusters_are_asked_and_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [f"c-{number}" for number in range(ASKED + 2)]
    for name in names:
        NamespaceFactory(cluster=ClusterFactory(name=name))
    asked = answering(monkeypatch, dict.fromkeys(names, TAKEN))

    found = of_tier(tier(), touched())

    assert len(asked) == ASKED
    assert (found[-1].cluster, found[-1].taken) == ("The others", None)


def test_a_tier_that_nobody_has_asks_nobody() -> None:
    assert of_tier(tier(), touched()) == []
