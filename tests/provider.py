"""An OpenID provider of a test's own: real HTTP on loopback, and every bad day at hand.

with provider() as idp:
    idp.add("owner", groups=["payments-owners"])
    idp.at_the_door = "owner"  # whose browser comes to /authorize next
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Claims = dict[str, Any]
CLIENT_ID, CLIENT_SECRET = "argosy", "what only the client knows"
ID_TOKEN_FOR = 300  # seconds
BACK_CHANNEL = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Somebody:
    """A person as the provider knows them; `subject` is theirs for good, the rest may change."""

    subject: str
    username: str
    email: str
    groups: list[str] = field(default_factory=list)


@dataclass
class Session:
    """One sign-in at the provider; its refresh tokens are one family."""

    sid: str
    subject: str
    ended: bool = False
    refresh_token: str = ""  # the newest; the ones before it were used up


@dataclass(frozen=True)
class Code:
    session: Session
    nonce: str
    challenge: str
    redirect_uri: str


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Key:
    """A signing key, by its own name."""

    kid: str
    private: rsa.RSAPrivateKey

    def jwk(self) -> dict[str, str]:
        """The public half, as JWKS tells it."""
        numbers = self.private.public_key().public_numbers()
        n, e = (
            number.to_bytes((number.bit_length() + 7) // 8) for number in (numbers.n, numbers.e)
        )
        said = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid}
        return said | {"n": _base64(n), "e": _base64(e)}

    def sign(self, claims: Claims) -> str:
        """A JWT of these claims."""
        header = {"alg": "RS256", "typ": "JWT", "kid": self.kid}
        body = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        signature = self.private.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{body}.{_base64(signature)}"


class Provider:
    """What it is asked, it answers as its knobs say. Change them at any time."""

    def __init__(self) -> None:
        self.people: dict[str, Somebody] = {}
        self.at_the_door = ""  # the user name of whoever's browser comes; nobody: access denied
        # The knobs.
        self.down = False  # hangs up without a word
        self.failing = False  # answers 503
        self.slow = 0.0  # seconds before each answer
        self.groups_in: set[str] = {"id_token", "userinfo"}  # nowhere: a claim that was not set up
        self.skew = 0.0  # seconds its clock is ahead of ours
        self.id_token_claims: Claims = {}  # in place of the true ones; None takes one away
        self.userinfo_claims: Claims = {}
        self.discovery: Claims = {}
        self.unsigned = False  # alg "none"
        self.rotates_refresh_tokens = True
        self.asked: list[str] = []  # the path of each request, in the order they came
        self._keys = [Key("key-1", _private_key(1))]
        self._sessions: dict[str, Session] = {}
        self._codes: dict[str, Code] = {}
        self._access: dict[str, Session] = {}
        self._refresh: dict[str, Session] = {}
        self._lock = threading.RLock()
        self._patience = threading.Event()
        self._server = _server(self, 0)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # What happens at the provider.

    def add(self, username: str, *, groups: Sequence[str] = (), subject: str = "") -> Somebody:
        """A new person."""
        person = Somebody(
            subject or secrets.token_hex(8), username, f"{username}@example.com", list(groups)
        )
        with self._lock:
            self.people[username] = person
        return person

    def delete(self, username: str) -> None:
        """The person is gone: nothing of theirs works here any more."""
        with self._lock:
            gone = self.people.pop(username)
            self._end(gone.subject)

    def leave(self, username: str, group: str) -> None:
        """The person is in that group no longer; their tokens stay good."""
        with self._lock:
            self.people[username].groups.remove(group)

    def rename_group(self, old: str, new: str) -> None:
        with self._lock:
            for person in self.people.values():
                person.groups = [new if group == old else group for group in person.groups]

    def rotate_keys(self) -> None:
        """Sign with a new key from here on, and forget the one before."""
        with self._lock:
            number = int(self._keys[-1].kid.removeprefix("key-")) + 1
            self._keys = [Key(f"key-{number}", _private_key(number))]

    def logout_token(self, username: str, *, sid: str = "", **instead: Any) -> str:
        """What the provider posts to a client's back-channel logout address."""
        now = self._now()
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120,
            "jti": secrets.token_hex(8), "events": {BACK_CHANNEL: {}},
            "sub": self.people[username].subject, **({"sid": sid} if sid else {}), **instead,
        }  # fmt: skip
        return self._keys[-1].sign(
            {key: value for key, value in claims.items() if value is not None}
        )

    def grant(self, username: str) -> dict[str, Any]:
        """A sign-in without a browser: the token endpoint's answer, for tests that begin there."""
        with self._lock:
            return self._tokens(self._begin(self.people[username]), nonce="")

    def sessions_of(self, username: str) -> list[str]:
        """The `sid` of each of a person's sessions that goes on."""
        subject = self.people[username].subject
        return [s.sid for s in self._sessions.values() if s.subject == subject and not s.ended]

    # How it is run.

    def start(self) -> None:
        """Answer; after `stop`, at the same address as before."""
        if self._server.socket.fileno() == -1:
            self._server = _server(self, self.port)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from here on."""
        self._patience.set()
        self._server.shutdown()
        self._server.server_close()
        self._patience.clear()

    def answer(
        self, method: str, path: str, query: Claims, form: Claims, authorization: str
    ) -> Answer:
        """One request's answer; a hang-up is a ConnectionError."""
        self.asked.append(path)
        if self.slow:
            self._patience.wait(self.slow)
        if self.down:
            raise ConnectionAbortedError
        if self.failing:
            return _json({"error": "temporarily_unavailable"}, 503)
        routes = {
            ("GET", "/.well-known/openid-configuration"): lambda: _json(self._discovery()),
            ("GET", "/jwks"): lambda: _json({"keys": [key.jwk() for key in self._keys]}),
            ("GET", "/authorize"): lambda: self._authorize(query),
            ("POST", "/token"): lambda: self._token(form, authorization),
            ("GET", "/userinfo"): lambda: self._userinfo(authorization),
            ("GET", "/logout"): lambda: self._logout(query),
        }
        with self._lock:
            route = routes.get((method, path))
            return route() if route else _json({"error": "not_found"}, 404)

    def _discovery(self) -> Claims:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            **self.discovery,
        }

    def _authorize(self, asked: Claims) -> Answer:
        if asked.get("client_id") != CLIENT_ID or asked.get("code_challenge_method") != "S256":
            return _json({"error": "invalid_request"}, 400)
        back: Claims = {"state": asked.get("state", "")}
        if self.at_the_door in self.people:
            code = secrets.token_urlsafe(16)
            session = self._begin(self.people[self.at_the_door])
            self._codes[code] = Code(
                session, asked.get("nonce", ""), asked["code_challenge"], asked["redirect_uri"]
            )
            back["code"] = code
        else:
            back |= {"error": "access_denied", "error_description": "Nobody is at the door."}
        return Answer(302, headers={"Location": f"{asked['redirect_uri']}?{urlencode(back)}"})

    def _token(self, form: Claims, authorization: str) -> Answer:
        if not _is_the_client(form, authorization):
            return _json({"error": "invalid_client"}, 401)
        match form.get("grant_type"):
            case "authorization_code":
                return self._by_code(form)
            case "refresh_token":
                return self._by_refresh_token(form.get("refresh_token", ""))
        return _json({"error": "unsupported_grant_type"}, 400)

    def _by_code(self, form: Claims) -> Answer:
        code = self._codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        if (
            code is None
            or code.redirect_uri != form.get("redirect_uri")
            or code.challenge != _base64(hashlib.sha256(verifier.encode()).digest())
        ):
            return _json({"error": "invalid_grant"}, 400)
        return _json(self._tokens(code.session, code.nonce))

    def _by_refresh_token(self, token: str) -> Answer:
        session = self._refresh.get(token)
        if session is None or session.ended or self._person(session) is None:
            return _json({"error": "invalid_grant", "error_description": "Session not active"}, 400)
        if self.rotates_refresh_tokens and token != session.refresh_token:
            # Two hold it, and one of them stole it: the family ends.
            session.ended = True
            return _json({"error": "invalid_grant", "error_description": "Token was used"}, 400)
        return _json(self._tokens(session, nonce=""))

    def _tokens(self, session: Session, nonce: str) -> dict[str, Any]:
        access = secrets.token_urlsafe(16)
        self._access[access] = session
        if self.rotates_refresh_tokens or not session.refresh_token:
            session.refresh_token = secrets.token_urlsafe(32)
            self._refresh[session.refresh_token] = session
        return {
            "access_token": access,
            "refresh_token": session.refresh_token,
            "id_token": self._id_token(session, nonce),
            "token_type": "Bearer",
            "expires_in": 300,
        }

    def _id_token(self, session: Session, nonce: str) -> str:
        now = self._now()
        claims = self._about(session, "id_token") | {
            "iss": self.issuer, "aud": CLIENT_ID, "azp": CLIENT_ID, "iat": now, "auth_time": now,
            "exp": now + ID_TOKEN_FOR, "sid": session.sid, **({"nonce": nonce} if nonce else {}),
            **self.id_token_claims,
        }  # fmt: skip
        claims = {key: value for key, value in claims.items() if value is not None}
        if self.unsigned:
            parts = ({"alg": "none", "typ": "JWT"}, claims)
            return ".".join(_base64(json.dumps(part).encode()) for part in parts) + "."
        return self._keys[-1].sign(claims)

    def _userinfo(self, authorization: str) -> Answer:
        session = self._access.get(authorization.removeprefix("Bearer "))
        if session is None or session.ended or self._person(session) is None:
            return _json({"error": "invalid_token"}, 401)
        claims = self._about(session, "userinfo") | self.userinfo_claims
        return _json({key: value for key, value in claims.items() if value is not None})

    def _logout(self, asked: Claims) -> Answer:
        for person in list(self.people.values()):
            if person.username == self.at_the_door:
                self._end(person.subject)
        self.at_the_door = ""
        back = asked.get("post_logout_redirect_uri")
        return Answer(302, headers={"Location": back}) if back else Answer(200, b"Signed out.")

    def _about(self, session: Session, where: str) -> Claims:
        person = self._person(session)
        assert person is not None
        said = {
            "sub": person.subject,
            "preferred_username": person.username,
            "given_name": person.username.title(),
            "family_name": "Example",
            "email": person.email,
            "email_verified": True,
        }
        return said | ({"groups": list(person.groups)} if where in self.groups_in else {})

    def _begin(self, person: Somebody) -> Session:
        session = Session(secrets.token_hex(8), person.subject)
        self._sessions[session.sid] = session
        return session

    def _end(self, subject: str) -> None:
        for session in self._sessions.values():
            if session.subject == subject:
                session.ended = True

    def _person(self, session: Session) -> Somebody | None:
        found = (each for each in self.people.values() if each.subject == session.subject)
        return next(found, None)

    def _now(self) -> int:
        return int(time.time() + self.skew)


@contextmanager
def provider() -> Iterator[Provider]:
    """A running one, gone afterwards."""
    made = Provider()
    made.start()
    try:
        yield made
    finally:
        made.stop()


class _Asked(BaseHTTPRequestHandler):
    """HTTP for a provider."""

    provider: ClassVar[Provider]
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """A test's output is its own."""

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        said = self.headers.get("Authorization", "")
        try:
            found = self.provider.answer(
                self.command, url.path, _words(url.query), _words(body), said
            )
        except ConnectionError:
            self.close_connection = True
            return
        with suppress(ConnectionError):  # who asked did not wait for it
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)


def _server(owner: Provider, port: int) -> ThreadingHTTPServer:
    asked = type("Asked", (_Asked,), {"provider": owner})
    server = ThreadingHTTPServer(("127.0.0.1", port), asked)
    server.daemon_threads = True
    server.block_on_close = False
    return server


def _words(text: str) -> Claims:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _json(body: Claims, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _is_the_client(form: Claims, authorization: str) -> bool:
    """The client's secret came, in the form or in the header."""
    if authorization.startswith("Basic "):
        name, _, secret = (
            base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        )
        return (unquote(name), unquote(secret)) == (CLIENT_ID, CLIENT_SECRET)
    return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)


@cache
def _private_key(number: int) -> rsa.RSAPrivateKey:
    """Made once a process: a tenth of a second each."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
