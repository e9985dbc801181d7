"""Which stores a namespace's pods reach: those of its secrets, in the platform's networks, and no others."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from pytest_django import Settings

from controlplane.objects import Manifest
from controlplane.secrets.kinds import archive, s3
from provisioning import desired, stores
from provisioning.calls import ANY
from provisioning.render import render

from .manifests import spec_of

NETWORKS = ["10.20.0.0/16"]
BUCKET = {"endpoint": "s3.example.com:9000", "bucket": "payments", "tls": "yes"}
DATABASE = {
    "host": "db.example.com",
    "port": "6432",
    "database": "payments",
    "user": "payments",
    "sslmode": "require",
}


def wired_to(**settings: Any) -> dict[str, Any]:
    """As the secrets of these settings are told to the rendering."""
    return {
        **(s3.wiring("artifacts", settings["bucket"]) if "bucket" in settings else {}),
        **(archive.wiring("archive", settings["database"]) if "database" in settings else {}),
    }


BOTH = wired_to(bucket=BUCKET, database=DATABASE)


def egress(manifests: tuple[Manifest, ...], name: str) -> list[Any]:
    (policy,) = [
        m for m in manifests if m["kind"] == "NetworkPolicy" and name in m["metadata"]["name"]
    ]
    return list(policy["spec"]["egress"])


def test_a_port_comes_of_each_secret_and_the_networks_of_the_platform() -> None:
    assert stores.rails(BOTH, NETWORKS) == {
        "networks": [{"cidr": "10.20.0.0/16"}],
        "artifacts": {"port": 9000},
        "archive": {"port": 6432, "secret": "archive"},
    }


def test_a_bucket_opens_nothing_for_an_archive_and_the_other_way_round() -> None:
    assert "archive" not in stores.rails(wired_to(bucket=BUCKET), NETWORKS)
    assert "artifacts" not in stores.rails(wired_to(database=DATABASE), NETWORKS)


@pytest.mark.parametrize("wiring", [{}, {"sso": {"issuer": "https://10.20.0.1:8443"}}])
def test_a_namespace_without_a_store_has_no_way_out(wiring: dict[str, Any]) -> None:
    assert stores.rails(wiring, NETWORKS) == {}
    assert "stores" not in desired.guard_rail_values(spec_of(wiring=wiring), None, None, NETWORKS)


@pytest.mark.parametrize(
    ("said", "port"),
    [
        ({"endpoint": "s3.example.com"}, 443),
        ({"endpoint": "s3.example.com", "tls": "no"}, 80),
        ({"endpoint": "10.20.0.7:9000"}, 9000),
        ({"endpoint": "s3.example.com:0"}, None),
        ({"endpoint": "s3.example.com:65536"}, None),
        ({"endpoint": "s3.example.com:"}, None),
        ({"endpoint": "s3.example.com:x"}, None),
        ({"endpoint": ""}, None),
    ],
)
def test_the_port_is_the_endpoints_or_there_is_no_rule(
    said: dict[str, str], port: int | None
) -> None:
    assert stores.artifacts_port(s3.wiring("artifacts", {**BUCKET, **said})) == port


@pytest.mark.parametrize(
    "wiring",
    [
        {"artifactRepository": None, "persistence": None},
        {"artifactRepository": {"gcs": {"bucket": "a"}}, "persistence": {"mysql": {"port": 3306}}},
        {"artifactRepository": "s3", "persistence": ["postgresql"]},
        {"artifactRepository": {"s3": {"endpoint": 7}}},
        {"persistence": {"postgresql": {"port": 0, "passwordSecret": {"name": "a"}}}},
        {"persistence": {"postgresql": {"port": "5432", "passwordSecret": {"name": "a"}}}},
        {"persistence": {"postgresql": {"port": 5432}}},
    ],
)
def test_what_cannot_be_read_opens_nothing(wiring: dict[str, Any]) -> None:
    assert stores.rails(wiring, NETWORKS) == {}


def test_a_network_that_merely_holds_a_machines_own_addresses_is_not_named_for_them() -> None:
    ways = stores.rails(BOTH, ["0.0.0.0/0", "::/0", "169.254.7.0/24"])["networks"]

    own = {each["cidr"]: each.get("except", []) for each in ways}
    assert own["169.254.7.0/24"] == []
    assert {"127.0.0.0/8", "169.254.0.0/16"} <= set(own["0.0.0.0/0"])
    assert {"fe80::/10", "fd00:ec2::254/128"} <= set(own["::/0"])
    # Kubernetes takes no exception that is not a part of its network.
    for cidr, hidden in own.items():
        assert all(ip_network(each) != ip_network(cidr) for each in hidden)


@pytest.mark.parametrize(
    ("network", "address", "named"),
    [
        ("0.0.0.0/0", "203.0.113.9", True),
        ("0.0.0.0/0", "169.254.169.254", False),
        ("0.0.0.0/0", "127.0.0.1", False),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("169.254.169.254/32", "169.254.169.254", True),
        ("10.0.0.0/8", "203.0.113.9", False),
        ("::/0", "fd00:ec2::254", False),
        ("::/0", "::1", False),
        ("::/0", "10.0.0.1", False),
    ],
)
def test_an_address_is_held_by_a_network_that_was_named_for_it(
    network: str, address: str, *, named: bool
) -> None:
    assert stores.holds(ip_network(network), ip_address(address)) is named


def test_the_order_in_which_networks_are_named_makes_no_other_plan() -> None:
    one, other = ["10.2.0.0/16", "10.1.0.0/16"], ["10.1.0.0/16", "10.2.0.0/16", "10.1.0.0/16"]

    assert stores.rails(BOTH, one) == stores.rails(BOTH, other)


@pytest.mark.cluster
def test_what_is_rendered_goes_by_the_platforms_setting(settings: Settings) -> None:
    settings.STORE_NETWORKS = []
    spec = replace(ANY, wiring=BOTH)
    closed = render(spec).guard_rails
    settings.STORE_NETWORKS = NETWORKS
    opened = render(spec).guard_rails

    to = [{"ipBlock": {"cidr": "10.20.0.0/16"}}]
    for name, port in (("workflow-pods", 9000), ("workflow-controller", 6432)):
        (new,) = [rule for rule in egress(opened, name) if rule not in egress(closed, name)]
        assert new == {"to": to, "ports": [{"protocol": "TCP", "port": port}]}
    # There is no server, for there is no client for one.
    assert egress(opened, "argo-server") == egress(closed, "argo-server")
