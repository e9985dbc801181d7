"""The same list from a terminal and a program."""

import shlex
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
import typer
from django.conf import settings

from controlplane.cli.main import app as cli
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import signed_in
from tests.controlplane.console.workflows.stories import NOW, names_in, row
from tests.factories import (
    NamespaceFactory,
    viewer_of,
)

pytestmark = pytest.mark.django_db


def behind_of(answer: Any) -> dict[str, str]:
    return dict(answer.context["behind"])


@pytest.mark.parametrize(
    "query",
    [
        "team=",
        "q=memory&sort=name",
        "phase=Pending&sort=-took",
        "outcome=bad&finished=24h&cluster=east&namespace=payments",
        "template=fraud&team=payments&sort=phase",
        "since=1h&sort=used",
        f"from={NOW:%Y-%m-%d}&to={NOW:%Y-%m-%d}",
    ],
)
def test_the_api_and_the_terminal_show_what_the_page_shows(
    payments: TenantNamespace, query: str
) -> None:
    twin = NamespaceFactory(name="payments", team=payments.team)
    finished = NOW - timedelta(minutes=1)
    row(
        payments, "alpha", "Failed", message="out of Memory", template="fraud", finished_at=finished
    )
    row(payments, "beta", seconds=20, created_at=NOW - timedelta(hours=2))
    row(payments, "gamma", "", created_at=NOW - timedelta(minutes=2))
    row(twin, "delta", "Failed", template="fraud-2", finished_at=finished)
    client = signed_in(viewer_of(payments.team))

    page = client.get(f"/workflows/?{query}")
    *_, url = shlex.split(behind_of(page)["API"])
    terminal = shlex.split(behind_of(page)["Terminal"])
    api = client.get(url.removeprefix(settings.BASE_URL)).json()

    assert [each["name"] for each in api["results"]] == names_in(page) != []
    listing = typer.main.get_command(cli).commands["workflow"].commands["list"]  # type: ignore[attr-defined]
    assert terminal[:3] == ["argosy", "workflow", "list"]
    listing.make_context("list", terminal[3:])  # a word it does not know would be an error
    said = dict(word.removeprefix("--").split("=", 1) for word in terminal[3:])
    assert {key.replace("-", "_"): value for key, value in said.items()} == dict(
        parse_qsl(url.partition("?")[2])
    )
