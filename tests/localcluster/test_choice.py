"""Real or simulated: decided by what is there, with a reason a person understands."""

import json
from pathlib import Path

import pytest

from localcluster import debian, images, machine, node, registry
from localcluster.choice import choose
from localcluster.errors import LocalClusterError
from localcluster.home import Home
from localcluster.images import Image


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A machine where everything is at hand: root, the packages, Argo's images, no registry."""
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.setattr(node, "CLAIM", run / "owner.json")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(machine, "has_foreign_proxy", lambda: False)
    monkeypatch.setattr(debian, "missing", lambda *_: {})
    monkeypatch.setattr(registry, "can_pull", lambda _refs: False)
    made = Home(tmp_path / "home")
    made.path.mkdir()
    for ref in images.ARGO:
        images.keep(made, images.write(Image(ref, ("x",), ()), tmp_path / "a.tar"))
    return made


def claim(owner: Home, cluster: str) -> None:
    node.CLAIM.write_text(json.dumps({"home": str(owner.path), "cluster": cluster}))


def auto(home: Home) -> tuple[str, str]:
    made = choose("auto", home, "local", print)
    return made.kind, made.why


def test_with_everything_at_hand_the_node_is_real(home: Home) -> None:
    assert auto(home)[0] == "real"


def test_simulated_is_simulated_whatever_is_there(home: Home) -> None:
    assert choose("simulated", home, "local", print).kind == "simulated"


def test_without_root_it_is_simulated(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    assert auto(home) == ("simulated", "a real node needs root")


def test_without_argos_images_it_is_simulated(home: Home) -> None:
    images.kept(home)[0].unlink()

    kind, why = auto(home)

    assert kind == "simulated"
    assert "`argosy local load-image FILE…` loads them" in why


def test_images_that_can_be_pulled_are_at_hand(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    images.kept(home)[0].unlink()
    monkeypatch.setattr(registry, "can_pull", lambda _refs: True)

    assert auto(home)[0] == "real"


def test_packages_that_nobody_can_install_make_it_simulated(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "missing", lambda: {"runc": "starts containers"})
    monkeypatch.setattr(debian, "can_install", lambda: False)

    assert auto(home) == ("simulated", "packages are missing: runc")


def test_a_failed_installation_makes_it_simulated_and_says_why(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_say: object) -> None:
        raise LocalClusterError("apt-get could not install runc")

    monkeypatch.setattr(debian, "ensure", fail)

    assert auto(home) == ("simulated", "apt-get could not install runc")


def test_another_homes_node_is_left_to_it(home: Home, tmp_path: Path) -> None:
    claim(Home(tmp_path), "demo")

    kind, why = auto(home)

    assert kind == "simulated"
    assert f"belongs to cluster demo in {tmp_path}" in why


def test_a_node_whose_home_is_gone_can_be_taken(home: Home, tmp_path: Path) -> None:
    claim(Home(tmp_path / "gone"), "demo")

    assert auto(home)[0] == "real"


def test_a_machine_that_is_a_node_already_is_left_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "has_foreign_proxy", lambda: True)
    monkeypatch.setattr("shutil.which", lambda _program: "/usr/sbin/nft")

    assert auto(home) == ("simulated", "this machine is a node of some Kubernetes cluster already")


def test_asking_for_a_real_node_where_none_can_be_is_an_error(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(LocalClusterError, match=r"No real node: a real node needs root\. Use"):
        choose("real", home, "local", print)
