"""What happens to the planted values: everything that people do with secrets, and what goes wrong with them.

The processes of production, each by itself, on PostgreSQL, Redis and a real API server, with every logger
as talkative as it can be.
"""

import json
import os
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml
from cryptography.fernet import Fernet

from controlplane.clusters.rights import account_for, needed, role
from localcluster.clusters import RunningCluster
from tenants.names import control_namespace
from tests.charts.api import Api
from tests.production.canary import places
from tests.production.canary.planted import Found, Planted, canary, existing
from tests.production.canary.visiting import Visitor
from tests.production.keys import given_keys
from tests.production.platform import ARGOSY, DEADLINE, Platform
from tests.production.stores import PostgreSQL
from tests.provider import CLIENT_ID, CLIENT_SECRET, Provider

TEAMS = {"atlas": "atlas-prod", "borealis": "borealis-prod"}
GROUPS = {
    "ada": ["argosy-admins", "argosy-approvers"],
    "aud": ["argosy-auditors"],
    "olga": ["atlas-owners"],
    "vic": ["atlas-viewers"],
    "otto": ["borealis-owners"],
}
SERVER_ERROR = 500
BY_PROVIDER = "mel"  # a member of atlas
ACCOUNT = "argosy-of-the-search"
STARTS = Path(__file__).parent / "starts"
PEOPLE = """
import json, sys
from controlplane.identity import accounts
from pathlib import Path
for name, groups in {groups!r}.items():
    accounts.make_local(username=name, password=Path({file!r}).read_text(), claimed_groups=groups,
                        superuser=name == "ada")
"""


@dataclass
class Story:
    """The platform, who is there, and what was planted where."""

    platform: Platform
    cluster: RunningCluster
    echo: str  # a host that repeats what it is told
    planted: dict[str, Planted]
    people: dict[str, Visitor] = field(default_factory=dict)
    homes: set[Found] = field(default_factory=set)  # the objects that are meant to hold a value
    metrics: str = ""
    bundle: bytes = b""
    said: list[bytes] = field(default_factory=list)  # by commands

    def value(self, name: str) -> str:
        """A value of a team's own, planted now if it was not before."""
        return self.planted.setdefault(name, canary(name)).value

    def plant(self, name: str, value: str) -> str:
        """A value that was made by somebody else."""
        self.planted[name] = existing(name, value)
        return value


def settings_of(idp: Provider, planted: dict[str, Planted]) -> dict[str, str]:
    """What the platform itself is to keep secret, with what else this story needs."""
    keys = given_keys()
    older, newer = keys["ARGOSY_ENCRYPTION_KEYS"], Fernet.generate_key().decode()
    pem = keys["ARGOSY_BUNDLE_KEY"].splitlines()[1]
    secret = {
        "the key it signs sessions with": keys["ARGOSY_SECRET_KEY"],
        "the older encryption key": older.rstrip("="),
        "the newer encryption key": newer.rstrip("="),
        "the key it signs bundles with": pem.rstrip("="),
        "the scraper's token": "argosy_metrics_" + given_keys()["ARGOSY_SECRET_KEY"],
    }
    planted |= {name: existing(name, value) for name, value in secret.items()}
    planted["its own client's secret"] = Planted(
        "its own client's secret", CLIENT_SECRET, (CLIENT_SECRET,)
    )
    return keys | {
        # The newer one was added last, everywhere: what comes before a rotation.
        "ARGOSY_ENCRYPTION_KEYS": f"{older},{newer}",
        "ARGOSY_METRICS_TOKEN": secret["the scraper's token"],
        "ARGOSY_LOG_LEVEL": "DEBUG",
        "ARGOSY_STORE_NETWORKS": "127.0.0.0/8",
        "ARGOSY_OIDC_ISSUER": idp.issuer,
        "ARGOSY_OIDC_CLIENT_ID": CLIENT_ID,
        "ARGOSY_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }


def around(starts: Path) -> dict[str, str]:
    """Has each process write down what it starts."""
    path = os.pathsep.join(filter(None, [str(STARTS), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "ARGOSY_TEST_STARTS": str(starts)}


def lived(story: Story, idp: Provider, admin: Api) -> None:
    """All of it, in the order in which it happens to a platform."""
    _people_come(story, idp)
    _a_cluster_is_added(story, admin)
    for team, namespace in TEAMS.items():
        _a_team_gets(story, team, namespace)
    _values_are_refused(story)
    _values_are_kept(story)
    _until_delivered(story)
    _one_is_renewed(story)
    _keys_are_rotated(story)
    _values_are_tried(story)
    _the_platform_breaks(story)
    _until_delivered(story)
    story.platform.until(lambda: _is_named_to_argo(admin))
    _credentials_are_issued(story)
    _the_terminal_is_used(story)


def _people_come(story: Story, idp: Provider) -> None:
    """By password and by the provider; somebody mistypes their name, or is nobody."""
    file = story.platform.folder / "a-password"
    file.write_text(story.value("a person's password"))
    story.platform.django(PEOPLE.format(groups=GROUPS, file=str(file)))
    url = story.platform.url
    story.people = {name: Visitor(url, name) for name in ("", *GROUPS, BY_PROVIDER)}
    password = story.value("a person's password")
    refused = story.people[""].sign_in(password, name="olag")
    assert refused.url.path == "/sign-in/", refused.text
    story.people[""].ask("POST", "token/", {"username": "olag", "password": password})
    for name in GROUPS:
        assert story.people[name].sign_in(password).url.path == "/", name
    idp.add(BY_PROVIDER, groups=["atlas-members"])
    idp.at_the_door = BY_PROVIDER
    assert story.people[BY_PROVIDER].sign_in_by_the_provider().url.path == "/"
    story.plant("a person's refresh token", next(iter(idp._refresh)))
    story.plant("a person's access token", next(iter(idp._access)))


def _a_cluster_is_added(story: Story, admin: Api) -> None:
    """By a token: first in kubeconfigs that cannot be read, then in one that can."""
    for manifest in account_for(role(needed(), name=ACCOUNT), namespace="default", name=ACCOUNT):
        admin.apply(manifest).must()
    token = ""

    def given() -> bool:
        nonlocal token
        found = admin.get(f"/api/v1/namespaces/default/secrets/{ACCOUNT}").must()
        token = b64decode((found.get("data") or {}).get("token", "")).decode()
        return bool(token)

    story.platform.until(given)
    story.plant("the cluster's token", token)
    story.homes.add(Found("the cluster's token", f"Secret default/{ACCOUNT}"))
    config = yaml.safe_load(story.cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    whole = yaml.safe_dump(config)
    wrong = (
        whole.replace("token: ", "token: ['"),
        whole.replace("token: ", "tokne: "),
        whole.replace("token: ", f"password: {token}\n    token: "),
        token,
    )
    for text in wrong:
        body = {"name": "searched", "kubeconfig": text}
        assert story.people["ada"].ask("POST", "clusters/", body).status_code == 400
    body = {"name": "searched", "kubeconfig": whole, "simulated": True}
    _good(story.people["ada"].ask("POST", "clusters/", body))


def _a_team_gets(story: Story, team: str, namespace: str) -> None:
    ada = story.people["ada"]
    groups = {f"{level}_group": f"{team}-{level}s" for level in ("owner", "member", "viewer")}
    room = {"namespace_limit": 5, "cpu_budget": "50", "memory_budget_gib": "200"}
    _good(ada.ask("POST", "teams/", {"slug": team, "name": team.title(), **groups, **room}))
    asked = {"name": namespace, "tier": "small", "cluster": "searched"}
    wish = {"kind": "create", "team": team, "asked": asked, "reason": ""}
    number = _good(_owner(story, team).ask("POST", "requests/", wish))["id"]
    plan = _good(ada.ask("GET", f"requests/{number}/plan/"))
    decision = {"plan_hash": plan["plan_hash"], "note": ""}
    _good(ada.ask("POST", f"requests/{number}/approve/", decision))


def _values_are_refused(story: Story) -> None:
    """Each kind, wrongly filled in, over the API and in the form; and by who may not."""
    olga = story.people["olga"]
    for kind, (settings, values) in _wishes(story).items():
        about = {"team": "atlas", "kind": kind, "name": f"my-{kind}"}
        whole = about | {"settings": settings, "values": values}
        for who in ("vic", "otto", ""):
            _refused(story.people[who].ask("POST", "secrets/", whole))
        first = next(iter(values.values()))
        for wrong in (
            {"name": "argo-x"},
            {"expires_on": "then"},
            {"settings": settings | {"secret": first}},
            {"values": first},
            {"values": values, "binary": {"x": first}},
            {"values": values | {"token": first + "\0\n"} if kind != "opaque" else {"a/b": first}},
        ):
            _refused(olga.ask("POST", "secrets/", whole | wrong))
        form = about | settings | values | {"key-0": "a", "value-0": first}
        _refused(olga.send("/secrets/new/", form | {"expires_on": "then"}))
        _refused(olga.send("/secrets/new/", form | {"name": "argo-x"}))
        _refused(story.people["vic"].send("/secrets/new/", form))
    torn = json.dumps({"values": {"token": story.value("opaque")}})[:-3]
    _refused(olga.ask("POST", "secrets/", content=torn.encode()))


def _values_are_kept(story: Story) -> None:
    """Each kind: one by the console's form, the others over the API. Another team has one of its own."""
    olga, otto = story.people["olga"], story.people["otto"]
    for kind, (settings, values) in _wishes(story).items():
        about = {"team": "atlas", "kind": kind, "name": f"my-{kind}"}
        if kind == "s3":
            made = olga.send("/secrets/new/", about | settings | values)
            assert made.url.path != "/secrets/new/", made.text
        else:
            body = about | {"settings": settings, "values": values}
            if kind == "opaque":
                file = story.value("opaque, as a file").encode()
                body["binary"] = {"file": b64encode(file).decode()}
            _good(olga.ask("POST", "secrets/", body))
    theirs = {"token": story.value("of another team")}
    body = {"team": "borealis", "kind": "opaque", "name": "my-own", "values": theirs}
    _good(otto.ask("POST", "secrets/", body))
    story.value("opaque, as it was before")
    work, control = TEAMS["atlas"], control_namespace(TEAMS["atlas"])
    story.homes |= {
        Found("s3", f"Secret {work}/my-s3"),
        Found("s3, its name", f"Secret {work}/my-s3"),
        Found("pull", f"Secret {work}/my-pull"),
        Found("opaque", f"Secret {work}/my-opaque"),
        Found("archive", f"Secret {control}/my-archive"),
        Found("oidc", f"Secret {control}/my-oidc"),
        Found("of another team", f"Secret {TEAMS['borealis']}/my-own"),
    }


def _wishes(story: Story) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """What a person fills in, by kind: what may be shown, and what is secret."""
    near = {"host": "127.0.0.1", "port": str(story.platform.database.port), "sslmode": "disable"}
    return {
        "s3": (
            {"endpoint": story.echo, "bucket": "atlas", "tls": "no"},
            {"access_key": story.value("s3, its name"), "secret_key": story.value("s3")},
        ),
        "archive": (
            {**near, "database": "atlas", "user": "atlas"},
            {"password": story.value("archive")},
        ),
        "oidc": (
            {"issuer": f"http://{story.echo}", "client_id": "atlas"},
            {"client_secret": story.value("oidc")},
        ),
        "pull": (
            {"registry": story.echo, "username": "atlas"},
            {"password": story.value("pull")},
        ),
        "opaque": ({}, {"token": story.value("opaque, as it was before")}),
    }


def _until_delivered(story: Story) -> None:
    """Each of them is where it is to be, in its newest version."""

    def there() -> bool:
        found = _good(story.people["ada"].ask("GET", "secrets/"))["results"]
        return bool(found) and all(
            secret["deliveries"]
            and all(
                (each["state"], each["version"]) == ("delivered", secret["version"])
                for each in secret["deliveries"]
            )
            for secret in found
        )

    story.platform.until(there)


def _is_named_to_argo(admin: Api) -> bool:
    """The controller's configuration names each secret that it is to use."""
    found = places.releases(admin).values()
    return all(any(name in text for text in found) for name in (b"my-s3", b"my-archive"))


def _one_is_renewed(story: Story) -> None:
    """What was there before is nowhere then, not even where it was."""
    number = _numbers(story)["my-opaque"]
    body = {"values": {"token": story.value("opaque")}}
    _good(story.people["olga"].ask("POST", f"secrets/{number}/renew/", body))
    _until_delivered(story)


def _keys_are_rotated(story: Story) -> None:
    file = story.platform.folder / "ARGOSY_ENCRYPTION_KEYS"
    older, newer = file.read_text().split(",")
    file.write_text(f"{newer},{older}")
    done = story.platform.argosy("secrets", "rotate")
    story.said.append((done.stdout + done.stderr).encode())
    assert done.returncode == 0, done.stderr
    assert "were sealed anew" in done.stdout


def _values_are_tried(story: Story) -> None:
    """At a server that says again what it is told; by the button of one, and over the API."""
    numbers, olga = _numbers(story), story.people["olga"]
    olga.send(f"/secrets/{numbers['my-s3']}/", {"act": "test"})
    said = {
        kind: _good(olga.ask("POST", f"secrets/{numbers[f'my-{kind}']}/test/"))["sentence"]
        for kind in ("archive", "oidc", "pull")
    }
    assert said["oidc"] == "The provider does not know this client by this secret."
    assert "does not let atlas in with this password" in said["archive"]


def _the_platform_breaks(story: Story) -> None:
    """In the middle of keeping a value, when everything is at hand that could be told of it."""
    numbers, olga = _numbers(story), story.people["olga"]
    with _without_a_table(story.platform.database):
        for kind, (settings, values) in _wishes(story).items():
            number, lost = numbers[f"my-{kind}"], {"settings": settings, "values": values}
            form = {"act": "renew", "key-0": "a", "value-0": next(iter(values.values()))}
            for answer in (
                olga.ask("POST", f"secrets/{number}/renew/", lost),
                olga.send(f"/secrets/{number}/", form | settings | values),
            ):
                assert answer.status_code == SERVER_ERROR, answer.text


@contextmanager
def _without_a_table(database: PostgreSQL) -> Iterator[None]:
    with psycopg.connect(database.url, autocommit=True) as db:
        db.execute("ALTER TABLE secrets_version RENAME TO secrets_lost")
        try:
            yield
        finally:
            db.execute("ALTER TABLE secrets_lost RENAME TO secrets_version")


def _credentials_are_issued(story: Story) -> None:
    """To a person, to their terminal, to a cluster's agent: each is shown once, to them."""
    asked = {"username": "olga", "password": story.value("a person's password")}
    olga = Visitor(story.platform.url, "olga, once")
    story.plant("a person's token", _good(olga.ask("POST", "token/", asked))["token"])
    olga.sign_in(asked["password"], name="olga")
    wish = {"cluster": "searched"}
    way_in = _good(olga.ask("POST", "kubeconfigs/", wish))
    story.plant("a person's way into the cluster", way_in["token"])
    ada = Visitor(story.platform.url, "ada, once")
    ada.sign_in(asked["password"], name="ada")
    agent = story.plant("the agent's token", _good(ada.ask("POST", "agents/", wish))["token"])
    for visitor in (olga, ada):
        visitor.close()
    story.bundle = b"\n".join(_told_to_agent(story, agent))


def _told_to_agent(story: Story, token: str) -> Iterator[bytes]:
    """The signed bundle and the facts, and what is in their envelopes."""
    for path in ("agents/bundle/", "agents/facts/"):
        envelope = story.platform.call("GET", path, token)
        yield json.dumps(envelope).encode()
        yield b64decode(envelope["payload"])


def _the_terminal_is_used(story: Story) -> None:
    """On a machine of a person's own; its folder keeps their token, for them alone."""
    home = story.platform.folder.parent / "a-persons-machine"
    env = story.platform.env | {"ARGOSY_HOME": str(home)}
    password = story.value("a person's password")
    for words, typed in (
        (["login", "--username", "olga"], password),
        (["audit", "list", "--json"], ""),
    ):
        done = subprocess.run(
            [*ARGOSY, *words],
            env=env,
            input=f"{typed}\n".encode(),
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            start_new_session=True,  # or it would ask at the terminal of whoever runs the tests
        )
        story.said.append(done.stdout + done.stderr)
        assert done.returncode == 0, done.stderr


def _owner(story: Story, team: str) -> Visitor:
    return story.people["olga" if team == "atlas" else "otto"]


def _numbers(story: Story) -> dict[str, int]:
    found = _good(story.people["ada"].ask("GET", "secrets/"))["results"]
    return {secret["name"]: secret["id"] for secret in found}


def _refused(answer: httpx.Response) -> None:
    assert answer.is_client_error, f"{answer.status_code}: {answer.text}"


def _good(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.status_code}: {answer.text}"
    return answer.json()
