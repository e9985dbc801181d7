"""Packages are installed without starting anybody's daemon."""

from pathlib import Path

import pytest

from localcluster import debian
from localcluster.errors import LocalClusterError


def test_the_machines_own_rule_is_back_afterwards(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 104\n")
    policy.chmod(0o711)

    with debian.no_daemons_started(policy):
        during = policy.read_text()

    assert "exit 101" in during
    assert policy.read_text() == "#!/bin/sh\nexit 104\n"
    assert policy.stat().st_mode & 0o777 == 0o711
    assert list(tmp_path.iterdir()) == [policy]


def test_where_there_was_no_rule_there_is_none_afterwards(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"

    with debian.no_daemons_started(policy):
        assert policy.stat().st_mode & 0o111

    assert not list(tmp_path.iterdir())


def test_the_rule_is_back_when_the_installation_fails(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("theirs")

    with pytest.raises(ZeroDivisionError), debian.no_daemons_started(policy):
        raise ZeroDivisionError

    assert policy.read_text() == "theirs"


def test_a_run_that_was_killed_loses_nobodys_rule(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("theirs")
    killed = debian.no_daemons_started(policy)
    killed.__enter__()

    with debian.no_daemons_started(policy):
        pass

    assert policy.read_text() == "theirs"


def test_a_run_that_was_killed_leaves_no_rule_where_none_was(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text(debian.SAID_NO)

    with debian.no_daemons_started(policy):
        pass

    assert not list(tmp_path.iterdir())


def test_without_root_the_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(LocalClusterError, match=r"containerd, runc, .*only as root on Debian"):
        debian.ensure(print)


def test_a_failing_apt_get_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: Unable to locate package runc'\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalClusterError, match=r"could not install runc(?s:.*)Unable to locate"):
        debian.install(("runc",))


def test_old_lists_are_fetched_anew_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text(
        '#!/bin/sh\necho "$5" >>"$0.calls"\n[ "$5" = update ] && : >"$0.fresh"\n[ -e "$0.fresh" ]\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    debian.install(("runc",))

    assert (tmp_path / "apt-get.calls").read_text().split() == ["install", "update", "install"]
