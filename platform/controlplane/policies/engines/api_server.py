"""One API server, spoken to as it comes: any kind, any user, with warnings, as a dry run or not."""

import base64
import json
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import yaml

MERGE = "application/merge-patch+json"
JSON = "application/json"
SECONDS = 20.0

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What the API server answered."""

    code: int
    body: Manifest
    warnings: tuple[str, ...] = ()

    @property
    def taken(self) -> bool:
        return self.code < 300  # noqa: PLR2004 - HTTP's own number

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))


class Refused(Exception):
    """The API server did not take what the engine needs to begin with."""


@dataclass(frozen=True, slots=True)
class ApiServer:
    """A cluster, as its administrator or as somebody it lets pass for another."""

    client: httpx.Client
    user: str = ""
    groups: tuple[str, ...] = ()

    def acting_as(self, user: str, groups: tuple[str, ...]) -> "ApiServer":
        """The same cluster, asked by somebody else."""
        return replace(self, user=user, groups=groups)

    def call(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        *,
        dry_run: bool = False,
        content: str = JSON,
    ) -> Said:
        """One request, whatever comes of it."""
        headers = [("Content-Type", content), *_as_user(self.user, self.groups)]
        answer = self.client.request(
            method,
            path,
            content=None if body is None else json.dumps(body),
            headers=headers,
            params={"dryRun": "All"} if dry_run else {},
        )
        try:
            parsed = answer.json()
        except ValueError:
            parsed = {"message": answer.text}
        warnings = tuple(answer.headers.get_list("warning"))
        return Said(answer.status_code, parsed if isinstance(parsed, dict) else {}, warnings)

    def apply(self, path: str, manifest: Mapping[str, Any]) -> None:
        """Make it so. Raises Refused."""
        answer = self.client.patch(
            path,
            content=json.dumps(manifest),
            headers={"Content-Type": "application/apply-patch+yaml"},
            params={"fieldManager": "argosy-policy-test", "force": "true"},
        )
        if answer.is_error:
            raise Refused(f"{path}: {answer.text[:2000]}")


def _as_user(user: str, groups: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if user:
        yield "Impersonate-User", user
        for group in groups or ("system:authenticated",):
            yield "Impersonate-Group", group


@contextmanager
def connected(kubeconfig: Path) -> Iterator[ApiServer]:
    """The cluster of the kubeconfig's current context."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    context = next(
        (c["context"] for c in config["contexts"] if c["name"] == config.get("current-context")),
        config["contexts"][0]["context"],
    )
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    trust = ssl.create_default_context(cadata=_inline(cluster, "certificate-authority").decode())
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    if "token" not in user:
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(_inline(user, "client-certificate") + b"\n" + _inline(user, "client-key"))
            pair.flush()
            trust.load_cert_chain(pair.name)
    with httpx.Client(
        base_url=cluster["server"], verify=trust, headers=headers, timeout=SECONDS, trust_env=False
    ) as client:
        yield ApiServer(client)


def _named(entries: list[Manifest], name: str) -> Manifest:
    return next(entry for entry in entries if entry["name"] == name)


def _inline(holder: Manifest, field: str) -> bytes:
    if f"{field}-data" in holder:
        return base64.b64decode(holder[f"{field}-data"])
    return Path(holder[field]).read_bytes()
