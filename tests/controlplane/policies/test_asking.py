"""Every setting of a policy is somebody's: the API server's, or the webhook's. None is nobody's."""

from datetime import UTC, datetime

import msgspec
import pytest

from controlplane.policies.asking import ASKS_THE_WEBHOOK, KNOWN_TO_CEL, SAYS_NOTHING, asks_of
from controlplane.policies.compile.routing import configuration
from controlplane.policies.compile.rule_sets import rule_set
from controlplane.policies.document import (
    Argo,
    Attestation,
    Digest,
    Document,
    Exemption,
    Repositories,
    Scope,
    Signature,
    Tags,
    plain,
    read,
)

HARBOR = Repositories("harbor.acme.test", "payments/**")
SILENT = Document(name="payments", scopes=(Scope(("payments",), (HARBOR,)),))
IN_PARTS = {"tags": Tags, "digest": Digest, "argo": Argo}
EXEMPTION = Exemption(
    "docker.io/library/nginx:1", datetime(2027, 1, 1, tzinfo=UTC), approved_by="ann"
)

# Something else than is said by default, of each setting.
OTHERWISE = {
    "name": "other",
    "mode": "audit",
    "default": "allow",
    "scopes": [{"namespaces": ["payments"], "allow": []}],
    "deny": [{"registry": "harbor.acme.test", "repository": "payments/old"}],
    "canonical_host": "normalise",
    "tags.forbid": ["latest"],
    "tags.with_digest": "check",
    "tags.require_pattern": "^v[0-9]+$",
    "digest.required": True,
    "digest.algorithms": ["sha512"],
    "on_unparsable": "allow",
    "blank_image": "allow",
    "controllers": "warn",
    "update_mode": "all",
    "exempt_namespaces": ["payments"],
    "exemptions": [msgspec.to_builtins(EXEMPTION)],
    "signature": msgspec.to_builtins(Signature(("k1",))),
    "attestations": [msgspec.to_builtins(Attestation("https://slsa.dev/provenance/v1", ("k1",)))],
    "argo.templated": "defer",
    "argo.resource_manifests": "scan",
    "mirror_pods": "allow",
}


def settings():
    """Every field of a document, and of its parts one by one."""
    for field in Document.__struct_fields__:
        part = IN_PARTS.get(field)
        yield from [f"{field}.{inner}" for inner in part.__struct_fields__] if part else [field]


def saying(setting):
    whole = plain(SILENT)
    field, _, inner = setting.partition(".")
    said = OTHERWISE[setting]
    return read(whole | {field: {inner: said} if inner else said})


def called(document):
    return configuration({"payments": document}, {"url": "https://127.0.0.1:1/"})


def test_every_setting_is_declared_on_one_side_and_no_other_is():
    sides = [KNOWN_TO_CEL, ASKS_THE_WEBHOOK, SAYS_NOTHING]

    assert sorted(settings()) == sorted(setting for side in sides for setting in side)


@pytest.mark.parametrize("setting", sorted(KNOWN_TO_CEL))
def test_what_cel_is_to_know_changes_its_rules(setting):
    assert rule_set(saying(setting), ["payments"]) != rule_set(SILENT, ["payments"])


@pytest.mark.parametrize("setting", sorted(ASKS_THE_WEBHOOK))
def test_what_asks_the_webhook_has_it_called(setting):
    assert asks_of(saying(setting)) != asks_of(SILENT)
    assert called(saying(setting)) != called(SILENT)


def test_a_policy_that_leaves_nothing_to_the_webhook_asks_nothing():
    asked = asks_of(SILENT)

    assert (asked.proof, asked.exempting, asked.manifests) == ((), False, False)


def test_a_proof_of_every_image_is_not_a_proof_of_none():
    assert asks_of(read(plain(SILENT) | {"signature": {"keys": ["k1"]}})).proof == ((),)
