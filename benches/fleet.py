"""500 teams with 5,000 repositories: their bundle, as an agent would keep it on disk."""

from datetime import UTC, datetime
from pathlib import Path

from controlplane.policies.bundle import Bundle, Fact, seal
from controlplane.policies.document import (
    Digest,
    Document,
    Exemption,
    Repositories,
    Scope,
    Signature,
    Tags,
)
from tests.webhook import CLUSTER, Folders

TEAMS, REPOSITORIES, VERIFIED = 500, 10, 20_000
NOW = datetime.now(UTC)


def document(team: int) -> Document:
    """Ten repositories, a tenth of the teams with signatures, each with an exemption."""
    own = f"team-{team:03}"
    allow = [Repositories("harbor.acme.test", f"{own}/**")]
    allow += [
        Repositories("harbor.acme.test", f"shared/{own}-{i}") for i in range(REPOSITORIES - 3)
    ]
    allow += [
        Repositories("quay.io", "argoproj/argoexec"),
        Repositories("docker.io", "library/busybox"),
    ]
    signed = Signature(keys=("release", "security"), repositories=(allow[0],))
    exemption = Exemption(
        image=f"ghcr.io/{own}/tool:1", not_after=NOW.replace(year=NOW.year + 1), approved_by="ann"
    )
    return Document(
        name=own,
        scopes=(Scope((own,), tuple(allow)),),
        digest=Digest(required=True),
        tags=Tags(forbid=("latest",)),
        exemptions=(exemption,),
        signature=signed if team % 10 == 9 else None,
    )


def bundle() -> Bundle:
    """What the platform composes for one cluster."""
    documents = {f"team-{team:03}": document(team) for team in range(TEAMS)}
    namespaces = {name: name for name in documents}
    documents["control"] = Document(name="control", digest=Digest(required=True))
    namespaces |= {f"{name}-argo": "control" for name in list(namespaces)}
    return Bundle(1, NOW, CLUSTER, 1, documents, namespaces)


def fleet(folder: Path) -> Folders:
    """The folders of an admission process that knows all of them."""
    folders = Folders(folder)
    folders.put(seal(bundle(), folders.key))
    folders.verified(*(verified(n) for n in range(VERIFIED)))
    return folders


def verified(number: int) -> Fact:
    team = number % TEAMS
    name = f"harbor.acme.test/team-{team:03}/api"
    return Fact(name, f"sha256:{number:064x}", ("release",), 1, NOW)
