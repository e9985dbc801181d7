"""Which stores and databases a team's pods reach: those its secrets name, where the platform says they are.

A secret gives a port and never a place: networks are the platform's (`ARGOSY_STORE_NETWORKS`), or a team
could open a way to any address by writing it into a secret. Without networks nothing is reached. Pure.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

ARTIFACTS, ARCHIVE = "artifactRepository", "persistence"
HTTPS, HTTP, HIGHEST_PORT = 443, 80, 65535

# A machine's own, its cloud's metadata, and everybody at once. Who names a network that merely holds them, as
# 0.0.0.0/0 for a store on the internet, does not mean them: each is named itself, or is not reached.
MACHINES_OWN = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "224.0.0.0/4",
            "::/127",
            "fd00:ec2::254/128",
            "fe80::/10",
            "ff00::/8",
        ),
    )
)


def rails(wiring: Mapping[str, Any], networks: Iterable[str]) -> dict[str, Any]:
    """The stores' values of charts/team-guardrails; none for a namespace without such a secret."""
    artifacts, archive = artifacts_port(wiring), archive_port(wiring)
    secret = _at(wiring, ARCHIVE, "postgresql", "passwordSecret", "name")
    found: dict[str, Any] = {}
    if artifacts:
        found["artifacts"] = {"port": artifacts}
    if archive and isinstance(secret, str) and secret:
        found["archive"] = {"port": archive, "secret": secret}
    return {**found, "networks": _blocks(networks)} if found else {}


def artifacts_port(wiring: Mapping[str, Any]) -> int | None:
    """Where the artifact repository listens; None where there is none that could be called."""
    endpoint = _at(wiring, ARTIFACTS, "s3", "endpoint")
    if not isinstance(endpoint, str) or not endpoint:
        return None
    _, colon, port = endpoint.rpartition(":")
    if not colon:
        return HTTP if _at(wiring, ARTIFACTS, "s3", "insecure") else HTTPS
    return _port(int(port)) if port.isascii() and port.isdecimal() else None


def archive_port(wiring: Mapping[str, Any]) -> int | None:
    """Where the archive's database listens; None where there is none."""
    port = _at(wiring, ARCHIVE, "postgresql", "port")
    return _port(port) if isinstance(port, int) else None


def holds(network: Network, address: Address) -> bool:
    """Whether this network was named for this address."""
    return address in network and not any(address in hidden for hidden in _hidden(network))


def _blocks(networks: Iterable[str]) -> list[dict[str, Any]]:
    found = []
    for each in sorted(set(networks)):
        hidden = [str(own) for own in _hidden(ip_network(each))]
        found.append({"cidr": each, **({"except": hidden} if hidden else {})})
    return found


def _hidden(network: Network) -> list[Network]:
    """What lies in it and was not named: of a network that is itself a machine's own, nothing."""
    return [own for own in MACHINES_OWN if own != network and _is_inside(own, network)]


def _is_inside(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.subnet_of(other)
    if isinstance(one, IPv6Network) and isinstance(other, IPv6Network):
        return one.subnet_of(other)
    return False


def is_port(number: int) -> bool:
    """Whether there is a port of this number."""
    return 0 < number <= HIGHEST_PORT


def _port(number: int) -> int | None:
    return number if is_port(number) else None


def _at(wiring: Mapping[str, Any], *path: str) -> object:
    """What stands there, or None: a secret may have been wired by an older version of the platform."""
    found: object = wiring
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found
