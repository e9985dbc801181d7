"""Which names a namespace may have: each refusal says what is allowed."""

import pytest

from tenants.names import control_namespace, problem_with


@pytest.mark.parametrize("name", ["payments", "p", "payments-test", "p2", "a" * 58, "argonauts"])
def test_a_name_that_can_be(name: str) -> None:
    assert problem_with(name) is None
    assert len(control_namespace(name)) <= 63


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "needs a name"),
        ("a" * 59, "at most 58"),
        ("Payments", "lower-case"),
        ("платежи", "lower-case letters a-z"),
        ("\u0440\u0430yments", "lower-case letters a-z"),  # looks the same, and is Cyrillic
        ("pay_ments", "lower-case"),
        ("-payments", "begins with a letter"),
        ("payments-", "ends with a letter or digit"),
        ("7payments", "begins with a letter"),
        ("payments\n", "lower-case"),
        (" payments", "lower-case"),
        ("pay.ments", "lower-case"),
        ("default", "reserved"),
        ("kube-system", "reserved"),
        ("kube-anything", "reserved"),
        ("argosy-scratch", "reserved"),
        ("argo", "reserved"),
        ("payments-argo", "reserved"),
        ("payments-system", "reserved"),
    ],
)
def test_a_name_that_cannot_be_is_told_what_can(name: str, said: str) -> None:
    assert said in (problem_with(name) or "")
