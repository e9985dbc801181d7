"""The API server's log of what it refused to people, read as it grows and is begun anew."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.agent.auditlog import AuditLog, Tail
from controlplane.agent.seen import Sighting
from tests.street import NOW

DENIED = (
    "workflows.argoproj.io \"hello\" is forbidden: ValidatingAdmissionPolicy 'argosy-images-workflows' with "
    "binding 'argosy-images-enforce' denied request: spec.templates[0].container.image (main): image "
    '"evil.io/x": no rule allows it [not-allowed]'
)


def entry(**changed: Any) -> bytes:
    said = {
        "kind": "Event",
        "stage": "ResponseComplete",
        "requestURI": "/apis/argoproj.io/v1alpha1/namespaces/payments/workflows",
        "objectRef": {"resource": "workflows", "namespace": "payments", "apiGroup": "argoproj.io"},
        "responseStatus": {"code": 403, "message": DENIED},
        "stageTimestamp": "2026-11-21T11:00:00.5Z",
        **changed,
    }
    return json.dumps(said).encode() + b"\n"


@pytest.fixture
def told() -> list[Sighting]:
    return []


@pytest.fixture
def log(tmp_path: Path, told: list[Sighting]) -> Iterator[AuditLog]:
    log = made(tmp_path, told)
    yield log
    log.tail.close()


def made(folder: Path, told: list[Sighting]) -> AuditLog:
    tail = Tail(folder / "audit.log", folder / "place")
    return AuditLog(tail, lambda namespace: namespace == "payments", told.extend, lambda: NOW)


def write(log: AuditLog, *lines: bytes) -> None:
    with log.tail.file.open("ab") as file:
        file.write(b"".join(lines))


def test_what_a_person_was_refused_is_told(log: AuditLog, told: list[Sighting]) -> None:
    write(log, entry())

    log.step()

    (seen,) = told
    assert (seen.kind, seen.name, seen.image) == ("Workflow", "hello", "evil.io/x")
    assert (seen.source, seen.at.isoformat()) == ("audit-log", "2026-11-21T11:00:00.500000+00:00")


@pytest.mark.parametrize(
    "changed",
    [
        {"responseStatus": {"code": 201}},
        {"responseStatus": {"code": 403, "message": "exceeded quota: team"}},
        {"objectRef": {"resource": "pods", "namespace": "kube-system"}},
        {"requestURI": "/api/v1/namespaces/payments/pods?dryRun=All"},
        {"responseStatus": "odd"},
    ],
)
def test_what_is_no_denial_of_ours_to_a_team_is_not_told(
    log: AuditLog, told: list[Sighting], changed: dict[str, Any]
) -> None:
    write(log, entry(**changed), b"{ no entry\n", b"[]\n")

    log.step()

    assert told == []


def test_a_line_that_is_half_written_is_read_when_it_is_whole(
    log: AuditLog, told: list[Sighting]
) -> None:
    whole = entry()
    write(log, whole[:50])
    log.step()
    assert told == []
    write(log, whole[50:])

    log.step()

    assert len(told) == 1


def test_a_log_that_was_begun_anew_loses_nothing(log: AuditLog, told: list[Sighting]) -> None:
    write(log, entry())
    log.step()
    write(log, entry())
    log.tail.file.rename(log.tail.file.with_name("audit-2026.log"))
    write(log, entry())

    log.step()

    assert len(told) == 3


def test_after_a_restart_it_goes_on_where_it_was(
    log: AuditLog, told: list[Sighting], tmp_path: Path
) -> None:
    write(log, entry(), entry()[:30])
    log.step()
    again = made(tmp_path, told)
    write(log, entry()[30:])

    again.step()
    again.tail.close()

    assert len(told) == 2


def test_before_there_is_a_log_nothing_is_raised(log: AuditLog, told: list[Sighting]) -> None:
    log.step()

    assert told == []
