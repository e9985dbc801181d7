"""What a look adds up to, each case with its reason."""

from dataclasses import replace
from typing import Any

import pytest

from controlplane.objects import Manifest, ref_of
from provisioning.desired import Desired
from provisioning.live import Live
from provisioning.plan import Stage
from provisioning.status import Failure, Report, summarise
from tenants.conditions import Status

from .manifests import HARD, deployed, desired_of, owned_by, spec_of

RELEASE_KEY = ("payments-argo", "argo")
UP = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1}


def live_of(desired: Desired, **status: Any) -> Live:
    """All applied; `quota` and `deployment` are their statuses."""
    objects: dict[Any, Manifest] = {}
    for manifest in (*desired.namespaces, *desired.guard_rails):
        objects[ref_of(manifest)] = owned_by("argosy", manifest)
    for manifest in desired.releases[0].objects:
        objects[ref_of(manifest)] = owned_by("helm", manifest)
    for ref, manifest in objects.items():
        if ref.kind == "ResourceQuota":
            manifest["status"] = status.get("quota", {"used": dict.fromkeys(HARD, "0")})
        if ref.kind == "Deployment":
            manifest["status"] = status.get("deployment", UP)
    return Live(objects=objects, releases={RELEASE_KEY: deployed()})


def report_on(live: Live, *failures: Failure) -> Report:
    return summarise(spec_of(), desired_of(), live, failures)


def test_all_is_ready_when_every_part_is() -> None:
    report = report_on(live_of(desired_of()))

    assert (report.ready.status, report.failed) == (Status.TRUE, False)


def test_a_quota_that_is_not_counted_yet_is_under_way_and_names_the_key() -> None:
    used = dict.fromkeys(HARD, "0")
    del used["count/workflows.argoproj.io"]

    ready = report_on(live_of(desired_of(), quota={"used": used})).ready

    assert (ready.status, ready.reason) == (Status.UNKNOWN, "QuotaNotCounted")
    assert "count/workflows.argoproj.io" in ready.message


def test_a_controller_that_starts_is_under_way_and_says_what_its_pod_waits_for() -> None:
    live = live_of(desired_of(), deployment={"observedGeneration": 1})
    pulling = {"reason": "ImagePullBackOff", "message": "no such image"}
    pod = {"status": {"containerStatuses": [{"state": {"waiting": pulling}}]}}

    ready = report_on(replace(live, pods=(pod,))).ready

    assert (ready.status, ready.reason) == (Status.UNKNOWN, "ControllerStarting")
    assert "ImagePullBackOff: no such image" in ready.message


def test_a_controller_past_its_deadline_is_degraded_with_the_pods_own_reason() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    live = live_of(desired_of(), deployment={"observedGeneration": 1, "conditions": [late]})
    unplaced = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    pod = {"status": {"conditions": [unplaced]}}

    ready = report_on(replace(live, pods=(pod,))).ready

    assert (ready.status, ready.reason) == (Status.FALSE, "ControllerNotAvailable")
    assert "0/1 nodes are available" in ready.message


def test_a_controller_of_an_older_template_is_not_available() -> None:
    live = live_of(desired_of())
    for ref, manifest in live.objects.items():
        if ref.kind == "Deployment":
            manifest["metadata"]["generation"] = 2

    assert report_on(live).ready.status is Status.UNKNOWN


def test_a_failed_release_is_degraded_with_helms_own_sentence() -> None:
    failed = deployed(status="failed", message="timed out waiting for the condition")
    live = replace(live_of(desired_of()), releases={RELEASE_KEY: failed})

    ready = report_on(live).ready

    assert (ready.status, ready.reason) == (Status.FALSE, "ReleaseFailed")
    assert ready.message == "timed out waiting for the condition"


def test_one_bad_step_does_not_hide_the_state_of_the_others() -> None:
    failure = Failure(Stage.RELEASES, "upgrade argo", "the server said no", "HelmFailed")

    report = report_on(live_of(desired_of()), failure)

    by_type = {c.type: c for c in report.conditions}
    assert by_type["GuardRailsReady"].status is Status.TRUE
    assert (by_type["ArgoReady"].status, by_type["ArgoReady"].reason) == (
        Status.FALSE,
        "HelmFailed",
    )
    assert by_type["Ready"].message == "upgrade argo: the server said no"
    assert report.failed


def test_a_name_that_is_taken_says_so_and_that_nothing_was_touched() -> None:
    foreign = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}}

    report = report_on(Live(objects={ref_of(foreign): foreign}))

    assert (report.ready.reason, report.ready.status) == ("NameTaken", Status.FALSE)
    assert "nothing was touched" in report.ready.message


def test_a_namespace_that_is_gone_is_gone() -> None:
    report = summarise(spec_of(), Desired(), Live(), ())

    assert report.gone


def test_a_namespace_on_its_way_out_is_not_gone() -> None:
    report = summarise(spec_of(), Desired(), live_of(desired_of()), ())

    assert not report.gone
    assert report.ready.status is Status.UNKNOWN


@pytest.mark.parametrize("kind", ["ResourceQuota", "NetworkPolicy", "RoleBinding"])
def test_guard_rails_are_not_ready_while_one_is_missing(kind: str) -> None:
    live = live_of(desired_of())
    fewer = {ref: m for ref, m in live.objects.items() if ref.kind != kind}

    ready = report_on(replace(live, objects=fewer)).ready

    assert (ready.status, ready.reason) == (Status.UNKNOWN, "Applying")


def test_what_should_be_gone_and_is_not_keeps_it_from_being_ready() -> None:
    failure = Failure(Stage.REMOVALS, "remove RoleBinding", "not allowed")

    report = summarise(spec_of(), desired_of(), live_of(desired_of()), [failure])

    assert report.failed
    assert report.ready.status is Status.FALSE
    assert "not allowed" in report.ready.message


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/argoproj/workflow-controller:v4.1.2", "v4.1.2"),
        ("registry:5000/argo/controller:v4.1.2@sha256:abc", "v4.1.2"),
        ("registry:5000/argo/controller", ""),
        ("argo/controller@sha256:abc", ""),
    ],
)
def test_the_version_seen_is_the_tag_of_the_controller_that_is_available(
    image: str, version: str
) -> None:
    desired = desired_of()
    live = live_of(desired)
    deployment = next(m for ref, m in live.objects.items() if ref.kind == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"] = [{"image": image}]

    assert summarise(spec_of(), desired, live, ()).argo_version == version


def test_no_version_is_seen_while_the_controller_comes_up() -> None:
    assert summarise(spec_of(), desired_of(), Live(), ()).argo_version == ""
