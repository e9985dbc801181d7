"""The schema says what the API is, without a doubt of the generator's."""

from pathlib import Path

import pytest
from django.core.management import call_command

from tests.controlplane.api.conftest import client_of

pytestmark = pytest.mark.django_db


def test_the_schema_is_made_without_a_warning(tmp_path: Path) -> None:
    call_command(
        "spectacular", fail_on_warn=True, validate=True, file=str(tmp_path / "schema.yaml")
    )


def test_the_schema_is_served_and_names_every_path() -> None:
    response = client_of().get("/api/v1/schema/?format=json")

    paths = {path.removeprefix("/api/v1") for path in response.data["paths"]}
    assert response.status_code == 200
    assert {"/teams/", "/requests/{id}/plan/", "/namespaces/{namespace_id}/workflows/"} <= paths
