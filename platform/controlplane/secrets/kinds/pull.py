"""With what a team's pods fetch images that are not for everybody: a registry's name and password."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from controlplane.secrets.trying import registry as trying

from . import Field, Held, Problem, Role, Tried

KIND = "pull"
TITLE = "Image pull secret"
ABOUT = "For a registry that asks who you are. Every workflow of the namespace uses it by itself."
FIELDS = (
    Field("registry", "Registry", "Its host, and port where it is not the usual: ghcr.io"),
    Field("username", "Name there"),
    Field("password", "Password or token", secret=True),
)
TYPE = "kubernetes.io/dockerconfigjson"
ROLE: Role = "workload"
ONE_A_NAMESPACE = False
TESTED = "Signs in to the registry, and fetches nothing."

REGISTRY = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9.]{0,252})(:[0-9]{1,5})?", re.ASCII)


def problems(held: Held) -> Iterator[Problem]:
    """What no node could sign in with."""
    if not REGISTRY.fullmatch(held.settings["registry"]):
        yield Problem("registry", "A host without https:// and without a path, as ghcr.io.")
    if ":" in held.settings["username"]:
        yield Problem("username", "A name with a colon cannot be told from its password.")
    try:
        held.text("password")
    except UnicodeDecodeError:
        yield Problem("password", "A password is a text.")


def data(held: Held) -> Mapping[str, bytes]:
    """As docker writes it, and kubelets read it."""
    name, password = held.settings["username"], held.text("password")
    auth = base64.b64encode(f"{name}:{password}".encode()).decode()
    entry = {"username": name, "password": password, "auth": auth}
    return {".dockerconfigjson": orjson.dumps({"auths": {held.settings["registry"]: entry}})}


def wiring(name: str, settings: Mapping[str, str]) -> Mapping[str, Any]:  # noqa: ARG001 - a kind's form
    """Workflows use it without naming it."""
    return {"imagePullSecrets": [name]}


def belongs_to(settings: Mapping[str, str]) -> str:  # noqa: ARG001 - a kind's form
    """Two teams may well have one account at a registry."""
    return ""


def test(held: Held) -> Tried:
    """Sign in."""
    return trying.test(
        registry=held.settings["registry"],
        username=held.settings["username"],
        password=held.text("password"),
    )
