"""A page has its plans in time, or a sentence; what is decided on is asked anew."""

import time
from collections.abc import Iterator

import pytest

from controlplane.errors import DomainError
from controlplane.kube.errors import Unreachable
from controlplane.plans import looks
from controlplane.plans.agreement import Plan, question_of
from tests import plans
from tests.factories import ClusterFactory, filed

pytestmark = pytest.mark.django_db

SOON, LONG = 0.05, 20.0


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> Iterator[plans.Plans]:
    found = plans.told(monkeypatch)
    yield found
    found.finish()


def test_every_question_has_its_own_answer(story: plans.Plans) -> None:
    requests = [filed() for _ in range(3)]
    gone, broken = requests[0].asked["name"], requests[1].asked["name"]
    story.failures = {gone: Unreachable("gone"), broken: DomainError("no helm")}

    answers = looks.read([question_of(r) for r in requests], seconds=LONG)

    assert [type(answer) for answer in answers] == [Unreachable, DomainError, Plan]


def test_a_cluster_that_hangs_is_waited_for_no_longer_than_said(story: plans.Plans) -> None:
    slow, quick = filed(), filed()
    story.hangs = {slow.asked["cluster"]}
    begun = time.monotonic()

    late, there = looks.read([question_of(slow), question_of(quick)], seconds=1.0)

    assert time.monotonic() - begun < 3.0
    assert isinstance(late, looks.NotYet)
    assert slow.asked["cluster"] in late.sentence
    assert isinstance(there, Plan)


def test_a_cluster_that_hangs_keeps_no_plan_of_another_cluster_away(story: plans.Plans) -> None:
    hanging = ClusterFactory().name
    story.hangs = {hanging}
    slow = [filed(cluster=hanging) for _ in range(3 * looks.AT_ONCE)]
    looks.read([question_of(request) for request in slow], seconds=SOON)

    (there,) = looks.read([question_of(filed())], seconds=LONG)

    assert isinstance(there, Plan)


def test_a_page_waits_less_than_three_seconds() -> None:
    assert looks.PAGE_SECONDS < 3


def test_an_answer_that_came_late_is_there_for_the_next_page(story: plans.Plans) -> None:
    request = filed()
    story.hangs = {request.asked["cluster"]}
    (late,) = looks.read([question_of(request)], seconds=SOON)
    story.answers.set()

    (there,) = looks.read([question_of(request)], seconds=LONG)

    assert isinstance(late, looks.NotYet)
    assert isinstance(there, Plan)
    assert story.asked == [request.asked["name"]]


def test_what_is_decided_on_is_asked_anew(story: plans.Plans) -> None:
    request = filed()
    story.hangs = {request.asked["cluster"]}
    looks.read([question_of(request)], seconds=SOON)
    story.answers.set()

    (there,) = looks.ask_anew([question_of(request)], seconds=LONG)

    assert isinstance(there, Plan)
    assert story.asked == [request.asked["name"]] * 2


def test_a_mistake_of_ours_is_no_sentence(story: plans.Plans) -> None:
    request = filed()
    story.failures = {request.asked["name"]: ZeroDivisionError()}

    with pytest.raises(ZeroDivisionError):
        looks.read([question_of(request)], seconds=LONG)
