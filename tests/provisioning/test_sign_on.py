"""Which namespaces have an Argo server, and what is wrong with settings by which they could not."""

from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from provisioning import desired, sign_on
from provisioning.argo_access import NoGroups
from provisioning.argo_config import BadArgoConfig
from provisioning.desired import ChartEscapesError, Images
from tenants.levels import Level

from .manifests import spec_of

ISSUER = "https://id.example.com:8443/realms/main"
HOST = "{namespace}.{cluster}.argo.example.com"
IMAGES = Images("v4.1.2", "controller", "executor", "quay.io/argoproj/argocli")


@pytest.fixture(autouse=True)
def served(settings: Settings) -> None:
    settings.OIDC_ISSUER, settings.ARGO_GROUPS_FROM = ISSUER, "token"
    settings.ARGO_SERVER_IMAGE, settings.ARGO_SERVER_HOST = "quay.io/argoproj/argocli", HOST


def client(issuer: str = ISSUER) -> dict[str, Any]:
    """A secret of the team's as the rendering hears of it."""
    keys = {"clientId": "client-id", "clientSecret": "client-secret"}
    return {
        "sso": {"issuer": issuer, **{k: {"name": "sign-on", "key": v} for k, v in keys.items()}}
    }


def values(wiring: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the two charts are given."""
    groups = {Level.OWNER: "payments-owners", Level.MEMBER: "", Level.VIEWER: ""}
    spec = spec_of(groups=groups, wiring=client() if wiring is None else wiring)
    provider, server = sign_on.provider(), sign_on.server_of(spec)
    return (
        desired.guard_rail_values(spec, provider, server),
        desired.release_values(spec, IMAGES, provider, server),
    )


def test_a_server_is_where_there_is_a_client_for_it() -> None:
    rails, release = values()

    assert rails["server"]["provider"]["port"] == 8443
    assert release["server"]["host"] == "payments.local.argo.example.com"
    assert release["server"]["image"]["tag"] == "v4.1.2"
    assert rails["server"]["client"] == "sign-on"
    assert "name: sign-on" in release["config"]["sso"]
    assert "https://payments.local.argo.example.com/oauth2/callback" in release["config"]["sso"]


@pytest.mark.parametrize(
    "wiring", [{}, {"sso": None}, client("https://id.example.com/realms/other"), client("")]
)
def test_without_a_client_of_the_provider_there_are_rules_and_no_server(
    wiring: dict[str, Any],
) -> None:
    rails, release = values(wiring)

    assert rails["accounts"].keys() == {"owner"}
    assert "server" not in rails
    assert "server" not in release
    assert "sso" not in release["config"]


def test_without_a_provider_nothing_changes(settings: Settings) -> None:
    settings.OIDC_ISSUER = ""
    rails, release = values()

    assert not {"accounts", "server"} & rails.keys()
    assert "server" not in release
    assert "sso" not in release["config"]


def test_a_provider_of_the_console_alone_writes_no_rules(settings: Settings) -> None:
    settings.ARGO_GROUPS_FROM = settings.ARGO_SERVER_IMAGE = ""

    assert "accounts" not in values()[0]
    assert sign_on.problem() == ""


def test_an_authority_of_ones_own_is_told_to_versions_that_know_it(settings: Settings) -> None:
    settings.ARGO_SSO_CA = "-----BEGIN CERTIFICATE-----"
    spec = spec_of(groups={Level.OWNER: "o"}, wiring=client())
    parts = (sign_on.provider(), sign_on.server_of(spec))

    assert "rootCA" in desired.release_values(spec, IMAGES, *parts)["config"]["sso"]
    with pytest.raises(BadArgoConfig, match=r"sso\.rootCA came with Argo 4\.0"):
        desired.release_values(spec, replace(IMAGES, version="v3.7.18"), *parts)


def test_servers_of_a_provider_that_sends_no_groups_are_not_rendered(settings: Settings) -> None:
    settings.ARGO_GROUPS_FROM = ""

    with pytest.raises(NoGroups):
        values()
    assert "is not said to send groups" in sign_on.problem()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OIDC_ISSUER", "", "set ARGOSY_OIDC_ISSUER"),
        ("ARGO_GROUPS_FROM", "claims", "ARGOSY_ARGO_GROUPS_FROM: token or userinfo"),
        ("ARGO_SESSION_MINUTES", 600, "ARGOSY_ARGO_SESSION_MINUTES"),
        ("ARGO_SERVER_HOST", "", "a host of its own"),
        ("ARGO_SERVER_HOST", "argo.example.com", "a host of its own"),
        ("ARGO_SERVER_HOST", "{namespace}.argo.example.com", "a host of its own"),
        ("ARGO_SERVER_HOST", "{namespace}.{cluster}.{team}.example.com", "a host of its own"),
        ("ARGO_SERVER_HOST", "{namespace}.{cluster}.{", "a host of its own"),
    ],
)
def test_settings_that_cannot_work_are_told_by_name(
    settings: Settings, name: str, value: object, said: str
) -> None:
    setattr(settings, name, value)

    assert said in sign_on.problem()


def test_settings_that_work_have_nothing_said_of_them() -> None:
    assert sign_on.problem() == ""


@pytest.mark.parametrize(
    "more",
    [
        {"stringData": {"token": "x"}},
        {"data": {"token": "eA=="}},
        {"type": "Opaque"},
        {"metadata": {"name": "s", "namespace": "payments", "labels": {}}},
    ],
)
def test_a_chart_that_carries_a_secret_is_refused(more: dict[str, Any]) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": "argo-owner.service-account-token",
            "namespace": "payments",
            "labels": {"argosy.dev/account-token": "true"},
        },
    }

    assert desired.guard_rails_of(spec_of(), [secret])
    with pytest.raises(ChartEscapesError, match="never carry them"):
        desired.guard_rails_of(spec_of(), [{**secret, **more}])
