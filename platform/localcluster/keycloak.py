"""A real identity provider on this machine: Keycloak, on loopback, which forgets its people when it ends.

It comes from Maven Central as one archive, by Maven, and is believed by its checksum. Unpacked and prepared
once, it is kept beside the programs of the cluster, in a folder named by what it is.
"""

import hashlib
import os
import secrets
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from localcluster import debian, services
from localcluster.build import cache_root
from localcluster.errors import LocalClusterError
from localcluster.home import locked_file
from localcluster.processes import Daemon

VERSION = "26.4.7"
SHA256 = "aca60ab72ae4d67adc6b8fe7fca5e08d16a6bb5e4a4f2ebb54050e3f5503fd2b"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
FETCH_SECONDS, PREPARE_SECONDS = 900, 600
START_SECONDS = 300.0  # 20 s, unless the machine has much else to do
CALL_SECONDS = STOP_SECONDS = 60.0
DATABASE = "--db=dev-mem"  # nothing of it is on the disk, so every start is the same
REALM, CLIENT_ID = "argosy", "argosy"
NEEDED = {
    "mvn": ("maven", "fetches Keycloak from Maven Central"),
    "java": ("openjdk-17-jre-headless", "runs Keycloak"),
}
# Short runs: what is compiled less starts sooner, and half the memory is left to others.
JAVA = {
    "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx384m",
    "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
}
Say = Callable[[str], None]


def distribution(say: Say) -> Path:
    """The folder of Keycloak, fetched, checked and prepared now if it is not there."""
    folder = cache_root() / "programs" / f"keycloak-{VERSION}-{SHA256[:12]}"
    if folder.exists():
        return folder
    debian.ensure(say, NEEDED)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked_file(folder.parent / ".keycloak.lock"):
        if not folder.exists():
            say(f"fetching Keycloak {VERSION} (160 MB, once)")
            # Beside its place: there finished, or not at all.
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".keycloak-") as draft:
                made = _unpacked(_fetched(Path(draft)))
                _prepare(made)
                made.rename(folder)
    return folder


@dataclass
class Keycloak:
    """One that runs from `folder`, where its log is, on this port of loopback."""

    folder: Path
    port: int
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        """What a platform is told as ARGOSY_OIDC_ISSUER."""
        return f"{self.url}/realms/{REALM}"

    @property
    def daemon(self) -> Daemon:
        return Daemon(self.folder, "keycloak")

    def start(self, say: Say) -> None:
        """Have it answer; anew, so that nobody is there but its admin."""
        self.stop()
        services.ensure(
            services.Service(
                daemon=self.daemon,
                command=(
                    distribution(say) / "bin" / "kc.sh", "start", "--optimized", "--http-enabled=true",
                    "--http-host=127.0.0.1", f"--http-port={self.port}", f"--hostname={self.url}",
                ),
                ready=self._answers,
                ports=(self.port,),
                environment={
                    **JAVA,
                    "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
                    "KC_BOOTSTRAP_ADMIN_PASSWORD": self.password,
                },
                seconds=START_SECONDS,
            )
        )  # fmt: skip

    def stop(self) -> None:
        """End it. Its script passes that on and waits, so it must not be killed before the program."""
        self.daemon.stop(STOP_SECONDS)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/realms/master", timeout=5).is_success
        except httpx.HTTPError:
            return False


@dataclass
class Realm:
    """The people of a Keycloak, their groups, and the platform as its client."""

    keycloak: Keycloak
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def make(
        self,
        people: Mapping[str, Sequence[str]],
        *,
        passwords: Mapping[str, str],
        platforms: Sequence[str],
    ) -> None:
        """A realm with these people in these groups, for platforms at these addresses."""
        groups = sorted({group for theirs in people.values() for group in theirs})
        self._call(
            "POST",
            "",
            {
                "realm": REALM,
                "enabled": True,
                "groups": [{"name": group} for group in groups],
                "clients": [_client(self.secret, platforms)],
                "users": [_person(name, people[name], passwords[name]) for name in people],
            },
        )

    def leave(self, name: str, group: str) -> None:
        """The person is in that group no longer."""
        person = self._id_of(name)
        theirs = self._call("GET", f"{REALM}/users/{person}/groups")
        found = next(each["id"] for each in theirs if each["name"] == group)
        self._call("DELETE", f"{REALM}/users/{person}/groups/{found}")

    def delete(self, name: str) -> None:
        """The person is gone."""
        self._call("DELETE", f"{REALM}/users/{self._id_of(name)}")

    def _id_of(self, name: str) -> str:
        found = self._call("GET", f"{REALM}/users?username={name}&exact=true")
        return str(found[0]["id"])

    def _call(self, method: str, path: str, body: object = None) -> Any:
        """An answer of its admin API. Its token lasts a minute, so each call has one of its own."""
        url = self.keycloak.url
        admin = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": "admin",
            "password": self.keycloak.password,
        }
        with httpx.Client(timeout=CALL_SECONDS) as client:
            door = client.post(f"{url}/realms/master/protocol/openid-connect/token", data=admin)
            token = _good(door).json()["access_token"]
            answer = client.request(
                method,
                f"{url}/admin/realms/{path}".rstrip("/"),
                json=body,
                headers={"Authorization": f"Bearer {token}"},
            )
        return _good(answer).json() if answer.content else None


def _client(secret: str, platforms: Sequence[str]) -> dict[str, Any]:
    """The platform: the code flow alone, with PKCE, and told the groups by their plain names."""
    return {
        "clientId": CLIENT_ID,
        "secret": secret,
        "standardFlowEnabled": True,
        "directAccessGrantsEnabled": False,
        "redirectUris": [f"{url}/sign-in/provider/back/" for url in platforms],
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": "##".join(f"{url}/sign-in/" for url in platforms),
        },
        "protocolMappers": [
            {
                "name": "groups",
                "protocol": "openid-connect",
                "protocolMapper": "oidc-group-membership-mapper",
                "config": {
                    "claim.name": "groups",
                    "full.path": "false",
                    "id.token.claim": "true",
                    "userinfo.token.claim": "true",
                },
            }
        ],
    }


def _person(name: str, groups: Sequence[str], password: str) -> dict[str, Any]:
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@example.com",
        "emailVerified": True,
        "firstName": name.title(),
        "lastName": "Example",
        "groups": [f"/{group}" for group in groups],
        "credentials": [{"type": "password", "value": password, "temporary": False}],
    }


def _fetched(folder: Path) -> Path:
    """The archive, as Maven brings it, if it is the one that we know."""
    command = ["mvn", "-q", "-B", COPY, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
    _run(command, FETCH_SECONDS, f"Maven could not fetch {ARTIFACT}: is Maven Central in reach?")
    archive = folder / f"keycloak-quarkus-dist-{VERSION}.tar.gz"
    with archive.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != SHA256:
        raise LocalClusterError(
            f"What came as {ARTIFACT} is not what we know by that name: its SHA-256 is {found}, not "
            f"{SHA256}. It is not used; remove it from Maven's own repository and try again."
        )
    return archive


def _unpacked(archive: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(archive.parent, filter="data")
    archive.unlink()
    return archive.parent / f"keycloak-{VERSION}"


def _prepare(folder: Path) -> None:
    """What it would else do at every start: half of the time that a start takes."""
    command = [str(folder / "bin" / "kc.sh"), "build", DATABASE]
    _run(command, PREPARE_SECONDS, "Keycloak could not be prepared")


def _run(command: Sequence[str], seconds: float, trouble: str) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise LocalClusterError(f"{trouble} {command[0]} is not on PATH.")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            env={**os.environ, **JAVA},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise LocalClusterError(f"{trouble} It took more than {seconds:.0f} s.") from exc
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()[-8:]
        raise LocalClusterError("\n".join([trouble, *lines]))


def _good(answer: httpx.Response) -> httpx.Response:
    """An answer that is no error; what was sent along is in no message."""
    if answer.is_error:
        raise LocalClusterError(
            f"Keycloak answered {answer.status_code} to {answer.request.method} "
            f"{answer.request.url.path}: {answer.text[:300]}"
        )
    return answer
