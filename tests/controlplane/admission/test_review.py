"""Reading a review: what two readers could read differently is refused."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.admission import review as reviews
from controlplane.admission.review import Garbled, NotAReview
from tests.webhook import as_go_writes, pod, review

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)  # larger ones are no integers to Go either
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_any_object_is_read_as_it_was_written(values):
    body = as_go_writes(review({"metadata": {"annotations": values}}))

    assert reviews.read(body).object == {"metadata": {"annotations": values}}


@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=3), st.randoms())
def test_a_doubled_key_is_found_however_it_is_written(values, random):
    body = as_go_writes(review({"metadata": {"annotations": values}})).decode()
    key = random.choice(sorted(values))
    written = json.dumps(key, ensure_ascii=random.choice([True, False]))
    start = re.escape('"annotations":{')
    doubled = re.sub(start, lambda m: f"{m[0]}{written}:0,", body, count=1)

    with pytest.raises(NotAReview, match="twice"):
        reviews.read(doubled.encode())


@pytest.mark.parametrize("number", ["1e5", "1.0", "100000000000000000000", "-0", "1E-7", "0.10"])
def test_a_number_written_otherwise_hides_no_doubled_key(number):
    body = as_go_writes(review(pod(annotations=[7777]))).decode().replace("7777", number)
    assert reviews.read(body.encode())

    with pytest.raises(NotAReview, match="twice"):
        reviews.read(body.replace('"uid"', '"uid":"1","uid"').encode())


def test_a_real_review_is_settled_without_looking_at_every_key(monkeypatch):
    monkeypatch.setattr(reviews, "_once_each", None)
    body = as_go_writes(review(pod(annotations={"run": "a <b> && c", "ä": '\u2028\t\n"\\/'})))

    assert reviews.read(body.replace("\u2028".encode(), b""))


def test_a_number_nobody_can_hold_is_denied_under_its_uid():
    with pytest.raises(Garbled) as garbled:
        reviews.read(as_go_writes(review()).replace(b'"dryRun":false', b'"dryRun":1e999'))

    assert garbled.value.uid == review()["request"]["uid"]


def test_broken_text_outside_of_a_review_is_no_review():
    with pytest.raises(NotAReview):
        reviews.read(b'{"kind":"\xff"}')
    with pytest.raises(Garbled):
        reviews.read(as_go_writes(review()).replace(b"payments/api", b"payments/\xff"))


def test_a_warning_is_cut_between_characters():
    body = reviews.admitted("u", warnings=["é" * 300, "short"] * 10, notes={})
    warnings = json.loads(body)["response"]["warnings"]

    assert len(warnings) == 10
    assert warnings[0].endswith("é…")
    assert len(warnings[0].encode()) <= 250
    assert warnings[1] == "short"


def test_null_groups_and_dry_run_are_as_absent():
    body = review(dryRun=None, userInfo={"username": "a", "groups": None, "extra": {"k": ["v"]}})

    assert reviews.read(as_go_writes(body)).user_info.groups is None
