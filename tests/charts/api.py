"""A real API server, spoken to plainly: any path, any body, as anybody. Tests try what no client offers."""

import base64
import json
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import yaml

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
JSON = "application/json"

PLURALS = {
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
    "PriorityClass": "priorityclasses",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}
CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "PriorityClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    code: int
    body: Manifest

    @property
    def allowed(self) -> bool:
        return self.code < 300

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))

    def must(self) -> Manifest:
        """The object, or a failure that says what the server said."""
        assert self.allowed, f"{self.code}: {self.message}"
        return self.body


@dataclass(frozen=True)
class Api:
    """One cluster, as one user."""

    client: httpx.Client
    user: str = ""

    def acting_as(self, user: str) -> "Api":
        return replace(self, user=user)

    def call(
        self, method: str, path: str, body: object = None, *, kind: str = JSON, **query: str
    ) -> Answer:
        headers = {"Content-Type": kind} | ({"Impersonate-User": self.user} if self.user else {})
        content = None if body is None else json.dumps(body)
        answer = self.client.request(method, path, content=content, headers=headers, params=query)
        return Answer(answer.status_code, answer.json())

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def create(self, manifest: Manifest, **query: str) -> Answer:
        return self.call("POST", collection(manifest), manifest, **query)

    def apply(self, manifest: Manifest, *, manager: str = "argosy", **query: str) -> Answer:
        query |= {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        return self.call("PATCH", path_of(manifest), manifest, kind=APPLY, **query)

    def merge(self, path: str, change: object, **query: str) -> Answer:
        return self.call("PATCH", path, change, kind=MERGE, **query)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)

    def may(self, verb: str, resource: str, *, namespace: str = "", name: str = "") -> bool:
        """The API server's own verdict for this user; `resource` is `[group/]plural[.subresource]`."""
        group, _, plural = resource.rpartition("/")
        plural, _, subresource = plural.partition(":")
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": self.user,
                "groups": groups_of(self.user),
                "resourceAttributes": {
                    "verb": verb,
                    "group": group,
                    "resource": plural,
                    "subresource": subresource,
                    "namespace": namespace,
                    "name": name,
                },
            },
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(replace(self, user="").call("POST", path, review).must()["status"]["allowed"])


def groups_of(user: str) -> list[str]:
    """The groups the API server gives a user of this name."""
    if user.startswith("system:serviceaccount:"):
        namespace = user.split(":")[2]
        return [
            "system:serviceaccounts",
            f"system:serviceaccounts:{namespace}",
            "system:authenticated",
        ]
    return ["system:authenticated"]


def collection(manifest: Manifest) -> str:
    """Where objects of this kind are made."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = PLURALS.get(kind, f"{kind.lower()}s")
    if kind == "ValidatingAdmissionPolicyBinding":
        plural = "validatingadmissionpolicybindings"
    if kind in CLUSTER_SCOPED:
        return f"{root}/{plural}"
    return f"{root}/namespaces/{manifest['metadata']['namespace']}/{plural}"


def path_of(manifest: Manifest) -> str:
    """Where this object is."""
    return f"{collection(manifest)}/{manifest['metadata']['name']}"


@contextmanager
def connected(kubeconfig: Path) -> Iterator[Api]:
    """The cluster of a kubeconfig that holds its certificates inline."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trust = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
    with tempfile.NamedTemporaryFile("w") as pair:
        pair.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
        pair.flush()
        trust.load_cert_chain(pair.name)
    with httpx.Client(
        base_url=cluster["server"], verify=trust, timeout=15, trust_env=False
    ) as client:
        yield Api(client)


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
