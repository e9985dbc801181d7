"""Where a team's workflows keep artifacts and logs: a bucket of an S3-compatible store, and its keys."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.secrets.endpoints import one_spelling, port_is_good
from controlplane.secrets.trying import s3 as trying
from provisioning.stores import HTTP, HTTPS

from . import Field, Held, Problem, Role, Tried

KIND = "s3"
TITLE = "Artifact repository (S3)"
ABOUT = (
    "A bucket for artifacts and logs. Argo's controller is told of it, so that workflows need not "
    "name it."
)
FIELDS = (
    Field("endpoint", "Endpoint", "Host, and port where it is not the usual: s3.example.com:9000"),
    Field("bucket", "Bucket", "One of the team's own: a prefix in a shared one keeps nobody out."),
    Field("region", "Region", default="us-east-1", required=False),
    Field("tls", "TLS", "Without it keys and artifacts cross the network readable.",
          choices=("yes", "no"), default="yes"),
    Field("access_key", "Access key", secret=True),
    Field("secret_key", "Secret key", secret=True),
)  # fmt: skip
TYPE = "Opaque"
ROLE: Role = "workload"  # Argo reads it there: in the pods that load and save
ONE_A_NAMESPACE = True
TESTED = "Writes a small object into the bucket, reads it, and takes it away again."

ENDPOINT = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9.]{0,252})(:[0-9]{1,5})?", re.ASCII)
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
REGION = re.compile(r"[a-zA-Z0-9-]{0,40}", re.ASCII)


def problems(held: Held) -> Iterator[Problem]:
    """What an S3 client could not use."""
    said = held.settings
    if not ENDPOINT.fullmatch(said["endpoint"]) or not port_is_good(said["endpoint"]):
        yield Problem(
            "endpoint", "A host without https:// and without a path, as s3.example.com:9000."
        )
    if not BUCKET.fullmatch(said["bucket"]):
        yield Problem(
            "bucket", "3 to 63 of lower-case letters, digits, dots and hyphens, as S3 has it."
        )
    if not REGION.fullmatch(said.get("region", "")):
        yield Problem("region", "Letters, digits and hyphens, as us-east-1.")


def data(held: Held) -> Mapping[str, bytes]:
    """By the names that Argo's own examples use."""
    return {"accesskey": held.values["access_key"], "secretkey": held.values["secret_key"]}


def wiring(name: str, settings: Mapping[str, str]) -> Mapping[str, Any]:
    """The controller's default repository; each namespace has a folder of its own in it."""
    return {
        "artifactRepository": {
            "archiveLogs": True,
            "s3": {
                "endpoint": settings["endpoint"],
                "bucket": settings["bucket"],
                "region": settings.get("region") or "us-east-1",
                "insecure": settings["tls"] == "no",
                "keyFormat": "{{workflow.namespace}}/{{workflow.name}}/{{pod.name}}",
                "accessKeySecret": {"name": name, "key": "accesskey"},
                "secretKeySecret": {"name": name, "key": "secretkey"},
            },
        }
    }


def belongs_to(settings: Mapping[str, str]) -> str:
    """A bucket is one team's: whoever has its keys reads all of it."""
    usual = HTTPS if settings["tls"] == "yes" else HTTP
    return f"s3://{one_spelling(settings['endpoint'], usual)}/{settings['bucket']}"


def test(held: Held) -> Tried:
    """Write, read, delete."""
    return trying.test(
        endpoint=held.settings["endpoint"],
        bucket=held.settings["bucket"],
        region=held.settings.get("region") or "us-east-1",
        tls=held.settings["tls"] == "yes",
        access_key=held.text("access_key"),
        secret_key=held.text("secret_key"),
    )
