"""The same from a terminal, a program and a file: what a page shows under its `behind`."""

import shlex
from collections.abc import Mapping
from typing import Any

import orjson
import yaml
from django.conf import settings

Pairs = list[tuple[str, str]]
# The token is the person's own, from their environment.
AS_ME = '-H "Authorization: Bearer $ARGOSY_TOKEN"'
CURL = f"curl {AS_ME}"


def filing(*, root: str, kind: str, team: str, asked: Mapping[str, Any], reason: str) -> Pairs:
    """Asking: a line for the terminal, a call of the API, a file to keep."""
    body = {"kind": kind, "team": team, "asked": dict(asked), "reason": reason}
    words = ["argosy", "request", "create", team, asked.get("name", "")]
    labels = asked.get("labels")
    if labels is None:
        words += ["--cluster", asked.get("cluster", "")]
    for key, value in (labels or {}).items():
        words += ["--label", f"{key}={value}"]
    if labels == {}:
        words.append("--anywhere")
    words += ["--tier", asked.get("tier", "")]
    if reason:
        words += ["--reason", reason]
    return [
        ("Terminal", shlex.join(words)),
        ("API", _post(f"{root}api/v1/requests/", body)),
        (
            "YAML, for argosy request file",
            yaml.safe_dump(body, sort_keys=False, allow_unicode=True),
        ),
    ]


def reading(*, root: str, number: int, plan_hash: str, places: bool = False) -> Pairs:
    """One request; choosing its cluster anew; saying yes to the plan that is on the page, if one is."""
    where = f"{root}api/v1/requests/{number}/"
    found = [("Terminal", f"argosy request show {number}"), ("API", _get(where))]
    if places:
        found.append(("Terminal, choosing another cluster", f"argosy request place {number}"))
    if plan_hash:
        found += [
            ("Terminal, approving this plan", f"argosy approve {number} --plan-hash {plan_hash}"),
            ("API, approving this plan", _post(f"{where}approve/", {"plan_hash": plan_hash})),
        ]
    return found


def listing(*, root: str, query: str) -> Pairs:
    """The list of requests, narrowed as the page is."""
    asked = f"?{query}" if query else ""
    return [("Terminal", "argosy request list"), ("API", _get(f"{root}api/v1/requests/{asked}"))]


def curl(path: str, *, method: str = "GET") -> str:
    """One line to copy."""
    way = "" if method == "GET" else f" -X {method}"
    return f"curl{way} {AS_ME} {shlex.quote(f'{settings.BASE_URL}/api/v1/{path}')}"


def _get(url: str) -> str:
    return f"{CURL} {shlex.quote(url)}"


def _post(url: str, body: Mapping[str, Any]) -> str:
    said = shlex.quote(orjson.dumps(body).decode())
    return f'{CURL} -H "Content-Type: application/json" \\\n  -d {said} \\\n  {shlex.quote(url)}'


def exempting(*, root: str, typed: Mapping[str, str]) -> Pairs:
    """Asking for an exemption, with what the form holds so far."""
    team, image = typed.get("team") or "TEAM", typed.get("image") or "IMAGE"
    reason = typed.get("reason") or "why"
    body = {"team": team, "image": image, "reason": reason}
    body["not_after"] = f"{typed.get('until', '')}T23:59:59Z"
    words = ["argosy", "exemption", "ask", team, image, "--reason", reason]
    return [
        ("Terminal", shlex.join(words)),
        ("API", _post(f"{root}api/v1/exemptions/", body)),
    ]


def deciding(*, root: str, number: int, waiting: bool) -> Pairs:
    """Deciding on an exemption, or reading what became of it."""
    where = f"{root}api/v1/exemptions/{number}/"
    if not waiting:
        return [("Terminal", "argosy exemption list"), ("API", _get(where))]
    return [
        (
            "Terminal",
            f"argosy exemption approve {number}\nargosy exemption reject {number} --note WHY",
        ),
        ("API", _post(f"{where}approve/", {"note": ""})),
    ]


def trying(*, root: str, team: str, namespace: str, image: str) -> Pairs:
    """What may run in a namespace, and whether one image may."""
    image = image or "IMAGE"
    body = {"team": team, "image": image, "namespace": namespace}
    words = ["argosy", "policy", "try", team, image, "--namespace", namespace]
    return [
        ("Terminal", f"argosy policy show {team} --team\n{shlex.join(words)}"),
        ("API", _post(f"{root}api/v1/policies/try/", body)),
        ("API: all that binds the team", _get(f"{root}api/v1/policies/effective/?team={team}")),
    ]
