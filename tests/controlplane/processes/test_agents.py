"""The agents of local clusters are started, found again, and started anew where something changed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.kube.errors import Unreachable
from controlplane.policies import agents as tokens
from controlplane.policies import bundles
from controlplane.policies.models import AgentToken
from controlplane.processes import agents
from controlplane.processes.agents import Keeper, places
from localcluster.clusters import ClusterStatus
from localcluster.home import Home
from localcluster.processes import Daemon
from tests.factories import ClusterFactory

pytestmark = pytest.mark.django_db

SERVER = "https://127.0.0.1:16400"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home with a cluster that runs, and agents that are no more than noted down."""
    home = Home(tmp_path)
    folder = home.cluster("local")
    folder.mkdir(parents=True)
    found = ClusterStatus("local", "running", "simulated", SERVER, folder / "kubeconfig", {})
    monkeypatch.setattr(agents.clusters, "status", lambda *, home: (found,))
    yield home
    Daemon(folder / "beside", "agent").stop()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    commands: list[list[str]] = []
    start = Daemon.start

    def noted(daemon: Daemon, command: list[str], extra: object = None) -> int:
        commands.append(command)
        return start(daemon, [command[0], "-c", "import time; time.sleep(600)"])

    monkeypatch.setattr(Daemon, "start", noted)
    return commands


def keeper_of(home: Home, port: int = 8080) -> Keeper:
    return Keeper(f"http://127.0.0.1:{port}", home, account=lambda _, cluster: f"for {cluster}")


def test_a_registered_cluster_that_runs_gets_one_agent_with_a_token_of_its_own(
    home: Home, started: list[list[str]]
) -> None:
    cluster = ClusterFactory(name="east", server=SERVER)
    keeper = keeper_of(home)

    for _ in range(3):
        keeper.step()

    (command,) = started
    assert {"--cluster=east", "--platform=http://127.0.0.1:8080", "--name=127.0.0.1"} <= set(
        command
    )
    folder = home.cluster("local") / "beside"
    assert f"--audit-log={home.cluster('local') / 'audit.log'}" in command
    assert AgentToken.objects.filter(cluster=cluster).count() == 1
    assert (folder / "token").stat().st_mode & 0o077 == 0
    assert (folder / "bundle.pem").read_text() == bundles.public_key()
    assert f"--kubeconfig={folder / 'kubeconfig'}" in command
    assert (folder / "kubeconfig").read_text() == "for east"
    assert (folder / "kubeconfig").stat().st_mode & 0o077 == 0


def test_one_that_gets_no_account_is_not_started_with_more_than_that(
    home: Home, started: list[list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    ClusterFactory(name="east", server=SERVER)

    def refused(admin: Path, _: str) -> str:
        assert admin == home.cluster("local") / "kubeconfig"
        raise Unreachable("the API server cannot be reached")

    keeper = Keeper("http://127.0.0.1:8080", home, account=refused)
    keeper.step()
    keeper.step()

    assert started == []
    assert caplog.text.count("cannot be started yet: the API server cannot be reached") == 1


def test_a_cluster_that_is_not_registered_here_gets_none(
    home: Home, started: list[list[str]]
) -> None:
    ClusterFactory(server="https://10.0.0.1:6443")

    keeper_of(home).step()

    assert started == []
    assert list(places(home)) == []


def test_the_next_platform_of_the_home_finds_it_again(home: Home, started: list[list[str]]) -> None:
    ClusterFactory(server=SERVER)
    keeper_of(home).step()

    keeper_of(home).step()
    assert len(started) == 1

    keeper_of(home, 8081).step()
    assert "--platform=http://127.0.0.1:8081" in started[1]


def test_one_that_fell_is_started_again_and_not_in_every_moment(
    home: Home, started: list[list[str]]
) -> None:
    ClusterFactory(server=SERVER)
    keeper = keeper_of(home)
    keeper.step()
    Daemon(home.cluster("local") / "beside", "agent").stop()

    keeper.step()
    assert len(started) == 1
    keeper._next.clear()
    keeper.step()

    assert len(started) == 2


def test_one_cluster_that_cannot_be_looked_after_is_said_once_and_the_others_have_their_agents(
    home: Home,
    started: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spoilt = home.cluster("spoilt")
    spoilt.mkdir()
    (spoilt / "beside").write_text("where its folder was to be")
    elsewhere = "https://127.0.0.1:16410"
    ClusterFactory(name="east", server=SERVER)
    ClusterFactory(name="west", server=elsewhere)
    ours = agents.clusters.status(home=home)
    broken = ClusterStatus("spoilt", "running", "simulated", elsewhere, spoilt / "kubeconfig", {})
    monkeypatch.setattr(agents.clusters, "status", lambda *, home: (broken, *ours))
    keeper = keeper_of(home)

    for _ in range(3):
        keeper.step()

    assert ["--cluster=east" in command for command in started] == [True]
    assert caplog.text.count("the agent of spoilt was not looked after") == 1


def test_what_nobody_foresaw_does_not_end_the_looking_after(
    home: Home,
    started: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ClusterFactory(server=SERVER)
    well = agents.clusters.status

    def mistaken(*, home: Home) -> tuple[ClusterStatus, ...]:
        raise KeyError("server")

    monkeypatch.setattr(agents.clusters, "status", mistaken)
    keeper = keeper_of(home)
    keeper.step()
    keeper.step()
    monkeypatch.setattr(agents.clusters, "status", well)
    keeper.step()

    assert len(started) == 1
    assert caplog.text.count("KeyError: 'server'") == 2  # its line, and the end of where it was


def test_a_cluster_on_its_way_down_is_given_no_agent_and_no_alarm(
    home: Home,
    started: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ClusterFactory(server=SERVER)
    (up,) = agents.clusters.status(home=home)
    down = replace(up, state="half", programs={"kube-apiserver": False, "kwok": True})
    monkeypatch.setattr(agents.clusters, "status", lambda *, home: (down,))

    keeper_of(home).step()

    assert started == []
    assert caplog.records == []


def test_a_cluster_of_this_machine_that_runs_again_is_asked_again_within_seconds(
    home: Home, started: list[list[str]]
) -> None:
    now = timezone.now()
    given_up = {"reachable": False, "next_probe_at": now + timedelta(minutes=1)}
    ClusterFactory(name="east", server=SERVER, **given_up)
    ClusterFactory(name="elsewhere", server="https://10.0.0.1:6443", **given_up)

    keeper_of(home).step()

    soon = Cluster.objects.filter(next_probe_at__lt=now + timedelta(seconds=10))
    assert [each.name for each in soon] == ["east"]
    assert len(started) == 1


def test_a_token_of_another_platform_is_replaced_and_what_that_one_said_is_forgotten(
    home: Home, started: list[list[str]]
) -> None:
    ClusterFactory(server=SERVER)
    folder = home.cluster("local") / "beside"
    old = folder / "agent" / "bundle" / "bundle.json"
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps({"version": 99}))
    (folder / "token").write_text("argosy_agent_of-somebody-else")

    keeper_of(home).step()

    assert not old.exists()
    assert AgentToken.objects.count() == 1
    assert tokens.PREFIX in (folder / "token").read_text()
