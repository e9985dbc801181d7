"""Styles and scripts go over the wire compressed, and every page's together stay small."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from tests.controlplane.console.pages import signed_in
from tests.factories import TeamFactory, owner_of

UPLOT = "vendor/uplot-1.6.32/uPlot.iife.min.js"
ASSET = re.compile(r'(?:href|src)="(/static/[^"?]+\.(?:css|js))')
MOST_KB = 120


@pytest.fixture(autouse=True)
def _as_served(settings: Any) -> None:
    """Other tests' clients look for no static files, which takes a while."""
    settings.WHITENOISE_USE_FINDERS = True


def body(answer: object) -> bytes:
    return b"".join(answer)  # type: ignore[call-overload]


def test_who_takes_it_compressed_is_given_less_of_the_same() -> None:
    plain = Client().get(f"/static/{UPLOT}")
    small = Client().get(f"/static/{UPLOT}", headers={"accept-encoding": "br, gzip"})

    assert (plain.get("Content-Encoding"), small["Content-Encoding"]) == (None, "gzip")
    assert plain["Vary"] == small["Vary"] == "Accept-Encoding"
    assert int(small["Content-Length"]) < int(plain["Content-Length"]) / 2
    assert gzip.decompress(body(small)) == body(plain)


def test_what_is_vendored_brings_its_version_and_its_licence() -> None:
    folder = Path(str(finders.find(UPLOT))).parent

    assert "(v1.6.32)" in (folder / "uPlot.iife.min.js").read_text(encoding="utf-8")[:80]
    assert "MIT" in (folder / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.django_db
def test_the_page_with_most_on_it_loads_little() -> None:
    client = signed_in(owner_of(TeamFactory(slug="atlas")))
    page = client.get("/usage/?team=atlas").content.decode()
    asked = [client.get(name, headers={"accept-encoding": "gzip"}) for name in ASSET.findall(page)]

    for each in asked:
        each.close()
    assert len(asked) >= 8
    assert sum(int(each["Content-Length"]) for each in asked) < MOST_KB * 1000
