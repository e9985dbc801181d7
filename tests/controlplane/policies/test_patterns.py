"""The form of a tag: what Python's own engine says, but for what is dangerous or read otherwise."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.policies.patterns import NotAPattern, Pattern

ATOMS = st.sampled_from(
    ["a", "b", "1", r"\.", "-", ".", "[ab]", "[^a]", "[0-9]", r"\d", r"\w", "_"]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.builds(
            lambda one, sign: f"(?:{one}){sign}",
            inner,
            st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "{1,3}?"]),
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=600, deadline=None)
@given(PATTERNS, st.text("ab1.-_", max_size=7))
def test_a_pattern_fits_what_it_fits_elsewhere(pattern, tag):
    assert Pattern(pattern).fullmatch(tag) == bool(re.fullmatch(pattern, tag))


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        (r"v[0-9]+(\.[0-9]+)*", "v1.2.3", "v1.2-dirty"),
        (r"^v\d+$", "v12", "xv12"),
        (r"(main|release)-[a-f0-9]{7,40}", "main-0a1b2c3", "main-0a1b2"),
        (r"[\w.-]+", "a_b.c-d", ""),
        (r"[^-]*", "abc", "a-c"),
        (r"[a-]+", "a-a", "b"),
        ("", "", "a"),
        ("a|", "", "b"),
    ],
)
def test_patterns_that_people_write(pattern, fits, fits_not):
    assert Pattern(pattern).fullmatch(fits)
    assert not Pattern(pattern).fullmatch(fits_not)


@pytest.mark.parametrize(
    "pattern",
    [
        "(", ")", "a)", "[", "[]", "[]a]", "[^]", "*", "a**", "a+*", "a*+", "a{2}{3}", "{2}", "a{",
        "a{,3}", "a{3,2}", "a{9999}", "(?=a)", "(?i)a", "(?P<x>a)", "(?P=x)", "(?<x>a)", "(?>a)",
        r"\b", r"\1", r"\Qa\E", r"\pL", r"\z", r"\x41", "\\", "[[:alpha:]]", "[b-a]", r"[\d-z]",
        "a^b", "a$b", "^a|b$", "a|b$", "[a&&b]", "a" * 501, "((((a{99}){99}){99}){99})",
        "(" * 499, "((((){999}){999}){999}){999}", "((((a{0}){999}){999}){999}){999}",
    ],
)  # fmt: skip
def test_what_is_not_read_alike_everywhere_is_refused(pattern):
    with pytest.raises(NotAPattern, match=r"\w"):
        Pattern(pattern)


def test_no_pattern_takes_longer_than_its_tag_is_long():
    started = time.process_time()

    assert not Pattern(r"(a+)+(a*)*(a|a)+").fullmatch("a" * 127 + "-")

    assert time.process_time() - started < 1


@settings(max_examples=400, deadline=None)
@given(st.text("ab01.-_*+?{}[]()|^$\\,:dwPi", max_size=12))
def test_whatever_is_taken_is_taken_elsewhere_with_the_same_meaning(pattern):
    try:
        mine = Pattern(pattern)
    except NotAPattern:
        return
    for tag in ("", "a", "b", "0", "ab", "aab", "a-b", "..", "_", "10", "ba01"):
        assert mine.fullmatch(tag) == bool(re.fullmatch(pattern, tag)), tag
