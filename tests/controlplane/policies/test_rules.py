"""What an image may be: each rule, and how rules are put together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.policies.document import Repositories
from controlplane.policies.patterns import Pattern
from controlplane.policies.references import parse
from controlplane.policies.rules import (
    AllOf,
    CanonicalHost,
    DenyRepositories,
    DigestAlgorithm,
    DigestPinned,
    RepositoryIn,
    RepositorySet,
    TagRule,
)
from controlplane.policies.verdict import Code

DIGEST = "sha256:" + "a" * 64
IMAGE = parse(f"harbor.test/payments/api@{DIGEST}")
NEVER = RepositoryIn(RepositorySet(()))
ALWAYS = DenyRepositories(RepositorySet(()))


def repositories(*entries):
    return RepositorySet(Repositories(*entry) for entry in entries)


def test_no_rules_at_all_deny():
    assert AllOf(()).violation(IMAGE)
    assert AllOf(()).violations(IMAGE)
    assert AllOf([AllOf(())]).violation(IMAGE)


@given(st.lists(st.booleans(), max_size=5))
def test_all_of_is_what_it_says(answers):
    rules = [ALWAYS if answer else NEVER for answer in answers]

    assert (AllOf(rules).violation(IMAGE) is None) == (bool(answers) and all(answers))
    assert bool(AllOf(rules).violations(IMAGE)) == (AllOf(rules).violation(IMAGE) is not None)


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        (("harbor.test", "payments/api"), True),
        (("harbor.test", "payments/**"), True),
        (("harbor.test", "**"), True),
        (("harbor.test",), True),
        (("HARBOR.test:443", "payments/api"), True),
        (("harbor.test", "payments"), False),
        (("harbor.test", "payments/api/**"), False),
        (("harbor.test", "pay/**"), False),
        (("harbor.test", "*"), False),
        (("harbor.test", "payments/*"), False),
        (("harbor.test", ""), False),
        (("harbor.test", "/**"), False),
        (("**", "**"), False),
        (("", "**"), False),
    ],
)
def test_an_entry_allows_exactly_what_it_says(entry, allowed):
    assert (IMAGE in repositories(entry)) == allowed
    assert (RepositoryIn(repositories(entry)).violation(IMAGE) is None) == allowed
    assert (DenyRepositories(repositories(entry)).violation(IMAGE) is None) != allowed


def test_a_single_word_on_the_hub_stands_under_library():
    assert parse("busybox") in repositories(("docker.io", "busybox"))
    assert parse("busybox") in repositories(("index.docker.io", "library/**"))
    assert parse("bob/busybox") not in repositories(("docker.io", "busybox"))


def test_a_short_name_is_told_as_what_it_means():
    broken = RepositoryIn(repositories()).violation(parse("busybox"))

    assert broken is not None
    assert "docker.io/library/busybox" in broken.reason


@pytest.mark.parametrize("text", ["harbor.test:443/x", "Harbor.test/x", "harbor.test:05000/x"])
def test_another_spelling_of_a_host_is_told_the_right_one(text):
    broken = CanonicalHost().violation(parse(text))

    assert broken is not None
    assert broken.code is Code.NOT_CANONICAL


@pytest.mark.parametrize("text", ["harbor.test/x", "harbor.test:5000/x", "busybox", "localhost/x"])
def test_the_one_spelling_is_taken(text):
    assert CanonicalHost().violation(parse(text)) is None


@pytest.mark.parametrize(
    ("text", "rule", "allowed"),
    [
        ("x", TagRule(frozenset({"latest"})), False),
        ("x:latest", TagRule(frozenset({"latest"})), False),
        ("x:LATEST", TagRule(frozenset({"latest"})), True),
        ("x:latest-1", TagRule(frozenset({"latest"})), True),
        (f"x@{DIGEST}", TagRule(frozenset({"latest"}), with_digest="check"), True),
        (f"x:latest@{DIGEST}", TagRule(frozenset({"latest"})), True),
        (f"x:latest@{DIGEST}", TagRule(frozenset({"latest"}), with_digest="check"), False),
        ("x:v1", TagRule(pattern=Pattern("v[0-9]")), True),
        ("x:v12", TagRule(pattern=Pattern("v[0-9]")), False),
        ("x", TagRule(pattern=Pattern("v[0-9]")), False),
        ("x:v1", TagRule(unreadable=True), False),
    ],
)
def test_tags(text, rule, allowed):
    assert (rule.violation(parse(text)) is None) == allowed


def test_digests():
    assert DigestPinned().violation(IMAGE) is None
    assert DigestPinned().violation(parse("x:1"))
    assert DigestAlgorithm(frozenset({"sha256"})).violation(IMAGE) is None
    assert DigestAlgorithm(frozenset({"sha512"})).violation(IMAGE)
    assert DigestAlgorithm(frozenset()).violation(IMAGE)
    assert DigestAlgorithm(frozenset()).violation(parse("x:1")) is None
