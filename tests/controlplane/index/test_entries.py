"""What is kept of an object, whatever the object says."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.argo import crons
from controlplane.index.entries import (
    NODES_BYTES,
    QuotaEntry,
    WorkflowEntry,
    cron_of,
    quota_of,
    version_of,
    workflow_of,
)
from controlplane.objects import Manifest

META = {
    "name": "nightly",
    "namespace": "payments",
    "uid": "u-1",
    "resourceVersion": "42",
    "creationTimestamp": "2026-01-01T00:00:00Z",
}
WAITING = {"type": "Suspend", "phase": "Running"}


def workflow(status: Any = None, spec: Any = None, **meta: Any) -> Manifest:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {**META, **meta},
        "spec": spec or {},
        "status": status or {},
    }


def entry_of(status: Any = None, spec: Any = None, **meta: Any) -> WorkflowEntry:
    found = workflow_of(workflow(status, spec, **meta))
    assert found is not None
    return found


def packed(nodes: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(nodes).encode(), mtime=0)).decode()


def test_a_workflow_is_kept_with_what_lists_show() -> None:
    status = {
        "phase": "Running",
        "message": "waiting for a pod",
        "progress": "3/9",
        "startedAt": "2026-01-01T00:00:01Z",
        "finishedAt": None,
        "resourcesDuration": {"cpu": 12, "memory": 7},
    }
    labels = {
        "workflows.argoproj.io/cron-workflow": "every-night",
        "argosy.dev/team": "payments",
        "app": "ledger",
    }

    found = entry_of(status, {"workflowTemplateRef": {"name": "ledger"}}, labels=labels)

    assert found == WorkflowEntry(
        namespace="payments",
        uid="u-1",
        resource_version=42,
        name="nightly",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        phase="Running",
        message="waiting for a pod",
        template="ledger",
        cron="every-night",
        started_at=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
        steps_done=3,
        steps_total=9,
        cpu_seconds=12,
        memory_mib_seconds=700,
        labels={"workflows.argoproj.io/cron-workflow": "every-night", "app": "ledger"},
    )


def test_a_workflow_that_no_controller_has_seen_has_no_phase() -> None:
    found = entry_of()

    assert (found.phase, found.started_at, found.steps_total) == ("", None, 0)


@pytest.mark.parametrize(
    ("status", "spec", "held"),
    [
        ({"phase": "Running"}, {"suspend": True}, True),
        ({"phase": "Running"}, {"suspend": False}, False),
        ({"phase": "Running", "nodes": {"a": WAITING}}, {}, True),
        ({"phase": "Running", "nodes": {"a": WAITING | {"phase": "Succeeded"}}}, {}, False),
        ({"phase": "Running", "nodes": {"a": {"type": "Pod", "phase": "Running"}}}, {}, False),
        ({"phase": "Running", "compressedNodes": packed({"a": WAITING})}, {}, True),
        ({"phase": "Failed", "nodes": {"a": WAITING}}, {"suspend": True}, False),
    ],
)
def test_held_is_by_its_own_wish_or_by_a_step_that_waits(
    status: Any, spec: Any, held: bool
) -> None:
    assert entry_of(status, spec).suspended is held


@pytest.mark.parametrize(
    "nodes",
    [
        "not base64!",
        base64.b64encode(b"not gzip").decode(),
        packed(["no", "mapping"]),
        base64.b64encode(gzip.compress(b" " * (NODES_BYTES + 1), mtime=0)).decode(),
        7,
    ],
)
def test_nodes_that_cannot_be_unpacked_hold_nothing(nodes: Any) -> None:
    assert entry_of({"phase": "Running", "compressedNodes": nodes}).suspended is False


@pytest.mark.parametrize(
    ("progress", "steps"),
    [("3/9", (3, 9)), ("3/", (0, 0)), ("-1/2", (0, 0)), ("٣/٩", (0, 0)), (3, (0, 0)),
     ("9999999999/1", (0, 0))],
)  # fmt: skip
def test_progress_is_two_numbers_or_none(progress: Any, steps: tuple[int, int]) -> None:
    found = entry_of({"progress": progress})

    assert (found.steps_done, found.steps_total) == steps


@pytest.mark.parametrize(
    "moment", ["", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", 7, None]
)
def test_a_time_that_is_none_is_left_empty(moment: Any) -> None:
    assert entry_of({"startedAt": moment}).started_at is None


@pytest.mark.parametrize(
    ("used", "cpu"), [({"cpu": -1}, 0), ({"cpu": True}, 0), ({"cpu": "12"}, 0), ({"cpu": 10**30}, 2**63 - 1)]
)  # fmt: skip
def test_what_it_used_fits_its_column(used: Any, cpu: int) -> None:
    assert entry_of({"resourcesDuration": used}).cpu_seconds == cpu


def test_long_and_unprintable_texts_are_cut_to_what_a_database_takes() -> None:
    found = entry_of({"message": "a\0" + "b" * 900, "phase": "R" * 50}, labels={"k\0": "v\0"})

    assert found.message == "a" + "b" * 499
    assert len(found.phase) == 20
    assert found.labels == {"k": "v"}


@pytest.mark.parametrize("missing", ["uid", "name", "creationTimestamp"])
def test_what_no_api_server_would_send_is_no_entry(missing: str) -> None:
    assert workflow_of(workflow(**{missing: None})) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("42", 42), ("", 0), ("-1", 0), ("4.2", 0), (None, 0), (7, 0), ("9" * 19, 2**63 - 1)],
)
def test_versions_are_numbers_to_be_compared(text: Any, number: int) -> None:
    assert version_of(text) == number


def test_a_quota_is_kept_as_the_cluster_counted_it() -> None:
    manifest = {
        "metadata": {**META, "name": "team-quota"},
        "spec": {"hard": {"pods": "10"}},
        "status": {"hard": {"pods": "9"}, "used": {"pods": 3}},
    }

    assert quota_of(manifest) == QuotaEntry("payments", "u-1", 42, {"pods": "9"}, {"pods": "3"})


def test_a_quota_that_was_not_counted_yet_has_its_wish() -> None:
    manifest = {"metadata": {**META, "name": "team-quota"}, "spec": {"hard": {"pods": "10"}}}

    assert quota_of(manifest) == QuotaEntry("payments", "u-1", 42, {"pods": "10"}, {})


def test_another_quota_is_not_the_teams() -> None:
    assert quota_of({"metadata": {**META, "name": "their-own"}}) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
FIELDS = ["nodes", "progress", "startedAt", "phase", "resourcesDuration", "hard", "compressedNodes"]


# The first draw of any text is slow: it builds the table of all characters.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(["metadata", "spec", "status"], anything)),
    st.dictionaries(st.sampled_from([*META, "labels"]), anything),
    st.dictionaries(st.sampled_from(FIELDS), anything),
)
def test_no_manifest_however_odd_is_a_failure(
    manifest: Manifest, meta: Manifest, status: Manifest
) -> None:
    for read in (workflow_of, quota_of):
        read(manifest)
        read(workflow(status, {"suspend": meta, "workflowTemplateRef": status}, **meta))


CRON_SPEC = {
    "schedules": ["0 6 * * *", "@daily"],
    "timezone": "Europe/Vienna",
    "suspend": True,
    "concurrencyPolicy": "Forbid",
    "workflowSpec": {"workflowTemplateRef": {"name": "settle"}, "templates": ["x" * 10_000]},
}


def cron(spec: Any = None, status: Any = None) -> Manifest:
    return {"kind": "CronWorkflow", "metadata": META, "spec": spec, "status": status}


def test_of_a_schedule_is_kept_what_says_when_it_runs() -> None:
    status = {
        "lastScheduledTime": "2026-01-01T06:00:00Z",
        "active": [{"name": "a"}, {"name": "b"}],
        "conditions": [{"type": "SpecError", "status": "True", "message": "no such template"}],
    }
    whole = cron(CRON_SPEC, status)

    found = cron_of(whole)

    assert found is not None
    assert (found.namespace, found.name, found.resource_version) == ("payments", "nightly", 42)
    now = datetime(2026, 1, 3, tzinfo=UTC)
    assert crons.read(found.manifest, now) == crons.read(whole, now)
    assert len(json.dumps(found.manifest)) < 1_000


def test_a_schedule_of_any_size_stays_small() -> None:
    many = {"schedules": ["x" * 9_000] * 9_000, "timezone": "z" * 9_000}
    found = cron_of(cron(many, {"active": [{}] * 9_000, "conditions": [{"message": "m"}] * 9_000}))

    assert found is not None
    assert len(json.dumps(found.manifest)) < 50_000


@given(spec=anything)
def test_whatever_a_schedule_says_it_is_kept(spec: Any) -> None:
    for each in (spec, {"schedules": spec, "workflowSpec": spec, "schedule": spec}):
        found = cron_of(cron(each, {"active": spec, "conditions": [spec, {"message": spec}]}))
        assert found is not None
        assert "\\u0000" not in json.dumps(found.manifest)


def test_a_schedule_without_a_uid_or_a_name_is_none() -> None:
    assert cron_of({"metadata": {**META, "uid": ""}}) is None
    assert cron_of({"metadata": {"uid": "u-1"}}) is None


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T01:00:05Z", 3605),
        ("2026-01-01T00:00:00Z", None, None),
        (None, "2026-01-01T00:00:00Z", None),
        ("2026-01-01T00:00:05Z", "2026-01-01T00:00:00Z", 0),  # its controller's clock was set back
        ("0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", 2**31 - 1),
    ],
)
def test_how_long_it_took_is_known_at_its_end(
    start: str | None, end: str | None, seconds: int | None
) -> None:
    assert entry_of({"startedAt": start, "finishedAt": end}).seconds == seconds
