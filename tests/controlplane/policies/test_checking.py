"""What is wrong with a policy is told by the setting that somebody has to change."""

import msgspec
import pytest

from controlplane.policies.checking import FIELDS, field_of, question_of
from controlplane.policies.decide import decide
from controlplane.policies.document import (
    Attestation,
    Digest,
    Document,
    Repositories,
    Scope,
    Signature,
    Tags,
)
from controlplane.policies.saying import Settings
from controlplane.policies.verdict import Code

HARBOR = Repositories("harbor.acme.test")
NAMED = "harbor.acme.test/payments/api:1"
PINNED = f"{NAMED}@sha256:{'a' * 64}"
OPEN = Document(scopes=(Scope(("payments",), (HARBOR,)),))


def test_every_rule_comes_from_a_setting_that_there_is():
    assert set(FIELDS) == set(Code)
    for field in FIELDS.values():
        assert_is_a_setting(field)


def assert_is_a_setting(field):
    first, _, inner = field.partition(".")
    assert first in Settings.__struct_fields__
    if inner:
        assert inner in getattr(Settings(), first).__struct_fields__


@pytest.mark.parametrize(
    ("image", "changed", "field"),
    [
        ("quay.io/other/one:1", {}, "allow"),
        (NAMED, {"deny": (HARBOR,)}, "deny"),
        (NAMED, {"tags": Tags(forbid=("1",))}, "tags"),
        (NAMED, {"digest": Digest(required=True)}, "digest.required"),
        (PINNED, {"digest": Digest(algorithms=("sha512",))}, "digest.algorithms"),
        (NAMED.replace("test", "test:443"), {}, "canonical_host"),
        (" ", {}, "blank_image"),
        ("No Image", {}, "on_unparsable"),
        (PINNED, {"signature": Signature(("k1",))}, "signature"),
        (PINNED, {"attestations": (Attestation("https://x.test/v1", ("k1",)),)}, "attestations"),
    ],
)
def test_an_image_that_is_denied_names_the_setting_that_denies_it(image, changed, field):
    document = msgspec.structs.replace(OPEN, **changed)
    verdict = decide(question_of(image, "payments"), document)

    assert [field_of(v.code, document) for v in verdict.violations] == [field]
