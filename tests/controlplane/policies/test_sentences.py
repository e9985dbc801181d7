"""What a person reads when an image is denied."""

import time

from hypothesis import given
from hypothesis import strategies as st

from controlplane.policies.sentences import LONGEST, denial, first_lines, report
from controlplane.policies.verdict import Code, Verdict, Violation

LINK = "https://argosy.test/x/7f3a"


def violation(number=0, image="evil.test/x:1", reason="not one this namespace may run"):
    path = f"spec.containers[{number}].image"
    return Violation(path, f"c{number}", image, Code.NOT_ALLOWED, reason)


def denied(*violations):
    return Verdict(allowed=False, violations=violations)


def test_a_denial_names_place_container_image_rule_and_the_way_out():
    said = denial(denied(violation()), LINK)

    for part in ("spec.containers[0].image", "c0", "evil.test/x:1", "not-allowed", LINK):
        assert part in said


def test_a_hundred_violations_fit_first_ones_in_full_and_the_rest_counted():
    violations = [violation(n, image=f"evil.test/{'x' * 200}:{n}") for n in range(100)]

    said = denial(denied(*violations), LINK)

    assert len(said.encode()) <= LONGEST
    assert f"evil.test/{'x' * 200}:0" in said
    told = sum(f"containers[{n}]" in said for n in range(100))
    assert 5 < told < 100
    assert f"… and {100 - told} more." in said
    assert said.endswith(LINK)


def test_argo_is_never_told_to_try_for_ever():
    said = denial(denied(violation(image="Exceeded quota"), violation(reason="eXceeded quota")))

    assert "exceeded quota" not in said.lower()


def test_what_cannot_be_seen_is_written_out():
    said = denial(denied(violation(image="a\u200b\x00\n\u202eb")))

    assert "a\\u200b\\x00\\n\\u202eb" in said


def test_what_was_admitted_all_the_same_is_told_too():
    assert "evil.test/x:1" in report(Verdict(allowed=True, reported=(violation(),)))


@given(st.lists(st.builds(violation, st.integers(0, 9), st.text(), st.text()), max_size=30))
def test_any_denial_is_short_enough_and_never_speaks_of_quota(violations):
    said = denial(denied(*violations), LINK)

    assert len(said.encode()) <= LONGEST
    assert "exceeded quota" not in said.casefold()


def test_what_does_not_fit_is_not_even_written_out():
    book = "\u0001" * 1_000_000
    endless = [Violation("p", book, "i", Code.SHAPE, f"{n}") for n in range(2000)]
    started = time.process_time()

    said = denial(denied(*endless), LINK)

    assert time.process_time() - started < 0.5
    assert "more." in said


def test_the_first_lines_are_of_different_violations():
    assert len(first_lines([violation()] * 5 + [violation(n) for n in range(5)], 3)) == 3
