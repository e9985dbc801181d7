"""What an image's text means: a table, and a scanner that was written without looking at the parser."""

import string
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.policies import references
from controlplane.policies.references import (
    NotAReference,
    Reference,
    parse,
    taken_by_a_runtime,
)

HEX = "3b4c1a0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b"
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("busybox", "docker.io", "library/busybox", None, None),
        ("busybox:1.36", "docker.io", "library/busybox", "1.36", None),
        (f"busybox@{DIGEST}", "docker.io", "library/busybox", None, DIGEST),
        (f"busybox:1@{DIGEST}", "docker.io", "library/busybox", "1", DIGEST),
        ("docker.io/busybox", "docker.io", "library/busybox", None, None),
        ("index.docker.io/busybox", "docker.io", "library/busybox", None, None),
        ("index.docker.io/a/b", "docker.io", "a/b", None, None),
        ("registry-1.docker.io/busybox", "registry-1.docker.io", "busybox", None, None),
        ("bob/busybox", "docker.io", "bob/busybox", None, None),
        ("localhost/app", "localhost", "app", None, None),
        ("localhost", "docker.io", "library/localhost", None, None),
        ("localhost:5000/app:1", "localhost:5000", "app", "1", None),
        ("localhost:5000", "docker.io", "library/localhost", "5000", None),
        ("[fc00::1]:5000/x", "[fc00::1]:5000", "x", None, None),
        ("[fc00::1]/x", "[fc00::1]", "x", None, None),
        ("PAYMENTS/api", "PAYMENTS", "api", None, None),
        ("Docker.IO/x", "Docker.IO", "x", None, None),
        ("docker.io:443/x", "docker.io:443", "x", None, None),
        ("3232235777/api", "docker.io", "3232235777/api", None, None),
        (f"sha256:{HEX[:-1]}", "docker.io", "library/sha256", HEX[:-1], None),
        (f"a/{HEX}", "docker.io", f"a/{HEX}", None, None),
        (f"{HEX}:1", "docker.io", f"library/{HEX}", "1", None),
        ("a.b/c__d/e-----f/g.h", "a.b", "c__d/e-----f/g.h", None, None),
        (f"h.io/{'p' * 255}", "h.io", "p" * 255, None, None),
        ("p" * 247, "docker.io", f"library/{'p' * 247}", None, None),
        (f"x@sha512:{HEX}{HEX}", "docker.io", "library/x", None, f"sha512:{HEX}{HEX}"),
        (f"x@sha384:{HEX}{HEX[:32]}", "docker.io", "library/x", None, f"sha384:{HEX}{HEX[:32]}"),
    ],
)
def test_a_name_means_what_the_runtime_takes_it_for(text, registry, repository, tag, digest):
    assert parse(text) == Reference(registry, repository, tag, digest)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "blank"),
        (" \t", "blank"),
        (" busybox", "white space"),
        ("busybox\n", "white space"),
        ("h\u0430rbor.test/x", "not ASCII"),
        ("busybox\u200b", "not ASCII"),
        ("https://harbor.test/x", "scheme"),
        (HEX, "id of an image"),
        ("my_reg.corp/x", "'my_reg.corp' is no name of a registry"),
        ("harbor.test./x", "no name of a registry"),
        ("[fc00::1%25eth0]/x", "no name of a registry"),
        ("u@harbor.test/x", "no name of a registry"),
        ("harbor.test/Payments", "capital letters"),
        ("harbor.test/a//b", "empty part"),
        ("harbor.test/a/../b", "empty part"),
        ("harbor.test/", "empty part"),
        ("a\x00b", "character"),
        (f"h.io/{'p' * 256}", "longer than 255"),
        ("p" * 248, "longer than 255"),
        ("x:", "no tag"),
        (f"x:{'t' * 129}", "no tag"),
        ("x:1:2", "no tag"),
        ("x@", "no digest"),
        ("x@a:b", "no digest"),
        (f"x@{DIGEST}@{DIGEST}", "no digest"),
        (DIGEST, "the id of an image"),
        (f"sha512:{HEX}{HEX}", "the id of an image"),
        (f"{'a.' * 130}test/x", "registry is longer than 255"),
        (f"x@sha256:{HEX.upper()}", "no digest"),
        (f"x@sha256:{HEX[:-1]}", "no digest"),
        (f"x@sha512:{HEX}", "no digest"),
        (f"x@md5:{HEX[:32]}", "no digest"),
    ],
)
def test_what_no_runtime_takes_is_refused_with_the_reason(text, why):
    with pytest.raises(NotAReference, match=r".") as refused:
        parse(text)

    assert why in str(refused.value)


LOWER = set(string.ascii_lowercase + string.digits)
LABEL = set(string.ascii_letters + string.digits + "-")
TAG = set(string.ascii_letters + string.digits + "_.-")
DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}


def scanned(text):
    """The four parts, read with loops over characters; None if the runtime would refuse it."""
    if (len(text) == 64 and set(text) <= set("abcdef0123456789")) or is_digest(text):
        return None
    registry, rest = split_registry(text)
    name, at, digest = rest.partition("@")
    path, colon, tag = name.partition(":")
    good = (
        is_host(registry)
        and len(registry) <= 255
        and len(path) <= 255
        and all(is_component(part) for part in path.split("/"))
        and (not colon or (0 < len(tag) <= 128 and set(tag) <= TAG and tag[0] not in ".-"))
        and (not at or is_digest(digest))
    )
    return (registry, path, tag or None, digest or None) if good else None


def split_registry(text):
    first, slash, rest = text.partition("/")
    if not slash:
        return "docker.io", "library/" + text
    looks_like_one = set(first) & set(".:" + string.ascii_uppercase) or first == "localhost"
    if not looks_like_one:
        return "docker.io", text
    if first not in {"docker.io", "index.docker.io"}:
        return first, rest
    return "docker.io", rest if "/" in rest else "library/" + rest


def is_host(text):
    host, port = text, None
    if ":" in text and not text.endswith("]"):
        host, _, port = text.rpartition(":")
    if port is not None and not (port and set(port) <= set(string.digits)):
        return False
    if host[:1] == "[" and host[-1:] == "]":
        return len(host) > 2 and set(host[1:-1]) <= set(string.hexdigits + ":")
    return all(
        label and set(label) <= LABEL and "-" not in {label[0], label[-1]}
        for label in host.split(".")
    )


def is_component(text):
    runs = [(lower, "".join(run)) for lower, run in groupby(text, key=LOWER.__contains__)]
    if not runs or not runs[0][0] or not runs[-1][0]:
        return False
    gaps = [run for lower, run in runs if not lower]
    return all(gap in {".", "_", "__"} or set(gap) == {"-"} for gap in gaps)


def is_digest(text):
    algorithm, _, encoded = text.partition(":")
    return len(encoded) == DIGITS.get(algorithm) and set(encoded) <= set("0123456789abcdef")


def read(text):
    try:
        found = parse(text)
    except NotAReference:
        return None
    return found.registry, found.repository, found.tag, found.digest


PIECES = st.sampled_from([
    "a", "b1", "A", "é", ".", "_", "__", "-", "--", ":", "/", "//", "@", "[", "]", " ", "\n", "0",
    "localhost", "docker.io", "index.docker.io", "library", ":443", ":latest", f"@{DIGEST}",
    DIGEST, HEX, "[fc00::1]", "harbor.test", "p" * 120, "t" * 127, "@sha512:", "sha256:", "ſ", "K",
])  # fmt: skip


@settings(max_examples=2000, deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join))
def test_pieces_of_names_mean_what_an_independent_reader_finds(text):
    assert read(text) == scanned(text)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=80))
def test_any_text_at_all_is_read_or_refused(text):
    assert read(text) == scanned(text)


@given(st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){1,3}", fullmatch=True), st.booleans())
def test_a_name_in_full_means_itself(path, pinned):
    text = f"harbor.test:8443/{path}:1" + (f"@{DIGEST}" if pinned else "")

    found = parse(text)

    assert f"{found.name}:{found.tag}" + (f"@{found.digest}" if pinned else "") == text


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("harbor.test", "harbor.test"),
        ("HARBOR.test", "harbor.test"),
        ("harbor.test:443", "harbor.test"),
        ("harbor.test:0443", "harbor.test"),
        ("harbor.test:08443", "harbor.test:8443"),
        ("index.docker.io", "docker.io"),
        ("Index.Docker.io:443", "docker.io"),
        ("[FC00:0::1]:443", "[fc00::1]"),
        ("[:::]:5000", "[:::]:5000"),
        (f"harbor.test:{'0' * 5000}443", "harbor.test"),
    ],
)
def test_a_registry_has_one_spelling(written, canonical):
    assert references.canonical_registry(written) == canonical


@pytest.mark.parametrize("text", ["harbor.test", "localhost", "harbor:5000", "[fc00::1]", "A"])
def test_what_the_runtime_reads_as_a_registry_may_stand_in_a_policy(text):
    assert references.is_registry(text)


@pytest.mark.parametrize("text", ["", "registry_corp", "team", "harbor.test/x", "my_reg.corp", "*"])
def test_what_it_does_not_read_as_one_may_not(text):
    assert not references.is_registry(text)


def test_a_repository_and_a_tag_of_a_policy_are_held_to_the_same_grammar():
    assert references.is_repository("payments/api")
    assert not references.is_repository("team___a")
    assert not references.is_repository("p" * 256)
    assert references.is_tag("v1.2")
    assert not references.is_tag("-v1")


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("foo_bar.com/evil/x:1", True),  # no registry: the runtime's grammar makes a path of it all
        (DIGEST, True),
        (f"{'a.' * 130}test/x", True),
        ("harbor.test/x:1", True),
        (HEX, False),
        ("harbor.test/X", False),
        (" busybox", False),
        ("harbor.test//x", False),
        ("-a.test/x", False),
    ],
)
def test_what_the_runtimes_own_grammar_takes_is_known(text, taken):
    assert taken_by_a_runtime(text) is taken
