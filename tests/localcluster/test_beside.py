"""What somebody runs beside a cluster: where it lives, and that it goes with the cluster."""

import sys
import time
from pathlib import Path

import yaml

from controlplane.policies.places import KINDS
from localcluster import control_plane, slots
from localcluster.beside import beside
from localcluster.clusters import ClusterStatus
from localcluster.control_plane import HERE
from localcluster.processes import Daemon


def status(folder: Path, server: str) -> ClusterStatus:
    return ClusterStatus("local", "running", "simulated", server, folder / "kubeconfig", {})


def test_it_listens_where_the_api_server_does_on_a_port_of_the_clusters_own(tmp_path: Path) -> None:
    slot = slots.reserve(tmp_path)
    try:
        found = beside(status(tmp_path, f"https://10.244.0.1:{slot.port(0)}"))
    finally:
        slots.release(tmp_path)

    assert (found.address, found.port) == ("10.244.0.1", slot.port(8))
    assert found.folder == tmp_path / "beside"
    assert found.audit_log == tmp_path / "audit.log"


def test_it_ends_with_its_cluster_and_nobody_else_does(tmp_path: Path) -> None:
    sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
    ours, others = Daemon(tmp_path / "beside", "agent"), Daemon(tmp_path / "elsewhere", "agent")
    for each in (ours, others):
        each.start(sleeps)
    try:
        control_plane.stop(tmp_path)

        assert ours.running() is None
        assert others.running() is not None
    finally:
        others.stop()


def test_what_is_started_beside_it_while_it_goes_down_does_not_stay(tmp_path: Path) -> None:
    # An API server, while whose end somebody who keeps agents running starts one once more.
    last_act = (
        "import signal, sys, time; from pathlib import Path;"
        "from localcluster.processes import Daemon;"
        f"agent = Daemon(Path({str(tmp_path / 'beside')!r}), 'agent');"
        "signal.signal(signal.SIGTERM, lambda *_: (agent.start(['/bin/sleep', '600']), sys.exit()));"
        f"Path({str(tmp_path / 'answers')!r}).touch(); time.sleep(600)"
    )
    Daemon(tmp_path, "kube-apiserver").start([sys.executable, "-c", last_act])
    deadline = time.monotonic() + 60
    while not (tmp_path / "answers").exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    agent = Daemon(tmp_path / "beside", "agent")
    try:
        control_plane.stop(tmp_path)

        assert "agent.log" in {file.name for file in (tmp_path / "beside").iterdir()}
        assert agent.running() is None
    finally:
        agent.stop()


def test_the_audit_log_holds_who_and_what_and_never_the_object() -> None:
    policy = yaml.safe_load((HERE / "audit.yaml").read_text(encoding="utf-8"))

    assert {rule["level"] for rule in policy["rules"]} == {"None", "Metadata"}
    assert policy["rules"][-1] == {"level": "None"}
    logged = next(rule for rule in policy["rules"] if rule["level"] == "Metadata")
    assert set(logged["verbs"]) == {"create", "update", "patch"}
    assert not any("secrets" in group["resources"] for group in logged["resources"])


def test_the_audit_log_holds_every_kind_that_image_policies_judge() -> None:
    policy = yaml.safe_load((HERE / "audit.yaml").read_text(encoding="utf-8"))
    logged = next(rule for rule in policy["rules"] if rule["level"] == "Metadata")

    assert {
        (group["group"], resource)
        for group in logged["resources"]
        for resource in group["resources"]
        if "/" not in resource
    } == {(group, f"{kind.lower()}s") for group, kind in KINDS}
