"""Nobody is led to another site, nobody's words become a header, and no other site sends a form of ours."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client

from tests.production.keys import given_keys

from .endpoints import Endpoint, endpoints
from .knocking import call, content_of, undone
from .roles import Answer, Role, Whose
from .tables import RULES
from .world import World

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
DECLARED = [each for each in endpoints() if each.key in RULES]
ADDRESSES = [each for each in DECLARED if not each.at_the_desk]
SENDERS = {Role.OWNER, Role.ADMIN}
SENT = [
    each
    for each in DECLARED
    if each.writes and RULES[each.key].done is Answer.DONE and RULES[each.key].may & SENDERS
]
ELSEWHERE = "evil.example"
LEADING = (f"//{ELSEWHERE}/", f"https://{ELSEWHERE}/", f"/\\{ELSEWHERE}", f"https:{ELSEWHERE}")
SPLITTING = "x\r\nSet-Cookie: stolen=1\r\n\r\n<script>"
WORDS = ("next", "back", "at", "query", "team", "namespace", "name", "q", "image", "page", "note")
LEADS = ("Location", "HX-Redirect", "HX-Location", "HX-Push-Url", "Refresh")
PRODUCTION = {
    "ARGOSY_URL": "https://argosy.corp.example",
    "ARGOSY_DATABASE_URL": "postgresql://argosy:x@127.0.0.1:1/argosy",
    "ARGOSY_BROKER_URL": "redis://127.0.0.1:1/0",
}
SEEN_IN_PRODUCTION = """
import json, django
django.setup()
from django.conf import settings
from django.test import Client
answer = Client().get("/sign-in/", secure=True, headers={"host": "argosy.corp.example"})
cookies = {name: {key: str(cookie[key]) for key in ("secure", "samesite")}
           for name, cookie in answer.cookies.items()}
print(json.dumps({
    "status": answer.status_code,
    "hsts": answer.headers.get("Strict-Transport-Security"),
    "cookies": cookies,
    "session": [settings.SESSION_COOKIE_SECURE, settings.SESSION_COOKIE_HTTPONLY,
                settings.SESSION_COOKIE_SAMESITE],
}))
"""
named = {"ids": lambda endpoint: endpoint.key}


@pytest.mark.parametrize("endpoint", ADDRESSES, **named)
def test_no_word_leads_to_another_site(everybody: World, endpoint: Endpoint) -> None:
    rule, owner = RULES[endpoint.key], everybody.person(Role.OWNER, Whose.OWN)
    own = everybody.own
    url = rule.address(endpoint, own)
    for evil in LEADING:
        words = dict.fromkeys(WORDS, evil) | {"act": "send"}
        for user in (None, owner):
            seen = call(everybody, user, endpoint, url, query=words, body=words)
            for header in LEADS:
                said = urlsplit(seen.headers.get(header, "").replace("\\", "/"))
                assert ELSEWHERE not in said.netloc, f"{evil} in {header}"
                assert not said.path.startswith("//"), f"{evil} in {header}"


@pytest.mark.parametrize("endpoint", ADDRESSES, **named)
def test_no_word_becomes_a_header(everybody: World, endpoint: Endpoint) -> None:
    rule, owner = RULES[endpoint.key], everybody.person(Role.OWNER, Whose.OWN)
    words = dict.fromkeys(WORDS, SPLITTING)
    url = rule.address(endpoint, everybody.own)
    for query, body in ((words, words), ({}, words), (words, {})):
        seen = call(everybody, owner, endpoint, url, query=query, body=body)
        assert seen.answer is not Answer.BROKEN, seen.body[:500]
        assert not any("\r" in value or "\n" in value for value in seen.headers.values())
        assert "stolen" not in " ".join(seen.cookies)
        assert SPLITTING not in seen.body or "json" in seen.headers["Content-Type"]


@pytest.mark.parametrize("endpoint", SENT, **named)
def test_another_sites_form_does_nothing(everybody: World, endpoint: Endpoint) -> None:
    rule = RULES[endpoint.key]
    role = min(rule.may & SENDERS)
    person = everybody.person(role, Whose.OWN)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies = everybody.client(person).cookies
    own = everybody.own
    query = urlencode(rule.query(own), doseq=True)
    content, kind = content_of(endpoint, rule.body(own))

    written: set[str] = set()
    with undone(everybody, written):
        answer = client.generic(
            endpoint.method,
            f"{rule.address(endpoint, own)}?{query}",
            content,
            content_type=kind,
            headers={"origin": f"https://{ELSEWHERE}"},
        )

    assert answer.status_code in {302, 403}
    assert not written


def test_production_has_nothing_that_djangos_own_check_would_warn_of() -> None:
    told = _in_production("manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert told.returncode == 0, told.stderr
    assert "no issues" in told.stdout


def test_in_production_browsers_come_by_tls_only_and_send_cookies_nowhere_else() -> None:
    told = _in_production("-c", SEEN_IN_PRODUCTION)

    assert told.returncode == 0, told.stderr
    seen = json.loads(told.stdout)
    assert (seen["status"], seen["session"]) == (200, [True, True, "Lax"])
    assert seen["hsts"] == "max-age=31536000; includeSubDomains; preload"
    assert seen["cookies"]["csrftoken"] == {"secure": "True", "samesite": "Lax"}


def _in_production(*words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    environment = {
        **kept,
        **PRODUCTION,
        **given_keys(),
        "ARGOSY_HOME": os.environ["ARGOSY_HOME"],
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    }
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
