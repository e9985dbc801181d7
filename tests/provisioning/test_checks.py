"""A forbidden Argo is refused wherever it would be installed; one that is only old is a warning."""

import os
import subprocess
import sys
from typing import Any

import pytest

from controlplane.clusters import base_release
from provisioning import checks, render
from provisioning.render import ForbiddenArgo
from tests.controlplane.advisories.test_skew import full


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    render.check_argo.cache_clear()


def test_what_comes_by_itself_is_well() -> None:
    assert checks.argo_version(None) == []


def test_nothing_is_rendered_with_a_forbidden_version(settings: Any) -> None:
    settings.ARGO_VERSION = "v4.1.1"

    with pytest.raises(ForbiddenArgo, match="never to be installed"):
        render.images()
    assert [each.id for each in checks.argo_version(None)] == ["argosy.E001"]


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("v4.0.5", "CVE-2026-54526"),
        ("v3.7.18", "is at its end"),
        ("v4.2.0", "newer than this table"),
    ],
)
def test_one_that_is_not_well_is_a_warning(version: str, says: str, settings: Any) -> None:
    settings.ARGO_VERSION = version

    (warning,) = checks.argo_version(None)

    assert warning.id == "argosy.W001"
    assert says in warning.msg
    assert render.images().version == version


def test_a_3_beside_full_definitions_is_refused(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_release, "crds", lambda: (full("v4.1.2"),))
    settings.ARGO_VERSION = "v3.7.18"

    with pytest.raises(ForbiddenArgo, match="as long as a 3"):
        render.images()


def test_no_process_starts_with_a_forbidden_version() -> None:
    env = {**os.environ, "ARGOSY_ARGO_VERSION": "v4.1.0"}

    ended = subprocess.run(
        [sys.executable, "-c", "import controlplane.settings"],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode != 0
    assert "ARGOSY_ARGO_VERSION: v4.1.0 is never to be installed" in ended.stderr
