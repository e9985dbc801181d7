"""The release of a namespace: its revision, and what changed in its values."""

from typing import Any

import pytest

from controlplane.console.revisions import Line, diff_of
from controlplane.kube.storage import Revision
from controlplane.releases import DEPLOYED, Release
from tests.controlplane.console.namespaces.stories import ready
from tests.controlplane.console.pages import read, signed_in
from tests.factories import (
    owner_of,
    viewer_of,
)
from tests.fakes import FakeCluster, FakeHelm
from tests.provisioning.manifests import release as release_of

pytestmark = pytest.mark.django_db


def test_a_release_tells_its_revision_and_what_changed_in_its_values(cluster: FakeCluster) -> None:
    namespace = ready(name="payments")
    store(cluster, {"controller": {"tag": "v4.1.1"}, "fingerprint": "a"})
    store(cluster, {"controller": {"tag": "v4.1.2"}, "fingerprint": "b"})

    page = read(signed_in(viewer_of(namespace.team)), f"/namespaces/{namespace.pk}/release/")

    assert "revision 2 , deployed" in page
    assert "- tag: v4.1.1" in page
    assert "+ tag: v4.1.2" in page
    assert "fingerprint" not in page


def test_a_release_is_there_without_javascript_too(cluster: FakeCluster) -> None:
    namespace = ready(name="payments")
    store(cluster, {})

    page = read(signed_in(viewer_of(namespace.team)), f"/namespaces/{namespace.pk}/", release="1")

    assert "The first revision" in page


def test_of_a_release_nothing_is_shown_but_its_values(cluster: FakeCluster) -> None:
    namespace = ready(name="payments")
    store(cluster, {"team": "payments"})
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": "payments-argo"},
            "data": {"password": "aHVudGVyMg=="},
        }
    )

    html = signed_in(owner_of(namespace.team)).get(f"/namespaces/{namespace.pk}/release/").content

    assert b"hunter2" not in html
    assert b"aHVudGVyMg" not in html


def test_a_cluster_that_does_not_answer_is_a_sentence_on_a_page_that_stays(
    cluster: FakeCluster,
) -> None:
    namespace = ready(cluster__name="eu-1")
    cluster.unreachable = True

    page = read(signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/", release="1")

    assert "The release cannot be read from eu-1 now." in page
    assert "31 guard rails are as approved" in page


def store(cluster: FakeCluster, values: dict[str, Any]) -> None:
    """One more revision of the release, as helm would have kept it."""
    where = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments-argo"}}
    cluster.apply(where)
    base = release_of()
    made = Release(base.name, base.namespace, base.chart, values, base.fingerprint)
    FakeHelm(cluster, lambda _: ()).store(made, DEPLOYED, base.fingerprint)


def test_two_revisions_of_the_same_values_differ_in_nothing() -> None:
    same = {"a": 1}

    assert diff_of([Revision(2, DEPLOYED, same), Revision(1, "superseded", same)]) == ()


def test_a_diff_marks_lines_without_colour_too() -> None:
    found = diff_of([Revision(2, DEPLOYED, {"a": 2}), Revision(1, "superseded", {"a": 1})])

    assert [(line.mark, line.text) for line in found] == [
        ("@", "values"),
        ("-", "a: 1"),
        ("+", "a: 2"),
    ]
    assert found[1] == Line("a: 1", "del")


def test_a_diff_says_where_its_lines_are_and_compares_long_texts_line_by_line() -> None:
    def values(seconds: int, memory: str) -> dict[str, Any]:
        defaults = f"spec:\n  a: 1\n  b: 2\n  c: 3\n  deadline: {seconds}\n"
        resources = {"limits": {"cpu": "1", "memory": memory}, "requests": {"memory": "64Mi"}}
        controller = {"image": {"name": "argo", "tag": "v4"}, "resources": resources}
        return {"config": {"defaults": defaults}, "controller": controller}

    found = diff_of(
        [Revision(2, DEPLOYED, values(60, "1Gi")), Revision(1, "superseded", values(30, "2Gi"))]
    )

    assert [line.text.strip() for line in found if line.look] == [
        "config.defaults.spec",
        "deadline: 30",
        "deadline: 60",
        "controller.resources",
        "memory: 2Gi",
        "memory: 1Gi",
    ]
