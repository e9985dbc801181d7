"""A page has its plans in time, or a sentence; what is decided on is asked anew."""

import threading
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


def threads() -> int:
    return sum(thread.name == looks.THREAD for thread in threading.enumerate())


def test_however_many_ask_a_hanging_cluster_it_has_four_threads_and_the_rest_are_told(
    story: plans.Plans,
) -> None:
    request = filed()
    story.hangs = {request.asked["cluster"]}
    asked = [question_of(request)] * (looks.AT_ONCE + looks.WAITING + 3)

    answers = looks.ask_anew(asked, seconds=SOON)

    assert threads() == looks.AT_ONCE
    assert [type(answer) for answer in answers] == [
        *[looks.NotYet] * (looks.AT_ONCE + looks.WAITING),
        *[looks.Busy] * 3,
    ]
    assert "Look again in a moment" in answers[-1].sentence


def test_all_clusters_together_have_so_many_threads(
    story: plans.Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "MOST_AT_ONCE", 6)
    requests = [filed() for _ in range(7)]
    story.hangs = {request.asked["cluster"] for request in requests}

    answers = looks.ask_anew([question_of(request) for request in requests], seconds=SOON)

    assert threads() == 6
    assert [type(answer) for answer in answers] == [*[looks.NotYet] * 6, looks.Busy]


def test_what_waited_for_its_turn_is_asked_when_the_cluster_answers(story: plans.Plans) -> None:
    request = filed()
    story.hangs = {request.asked["cluster"]}
    begun = [looks.begin(question_of(request)) for _ in range(3 * looks.AT_ONCE)]
    story.answers.set()

    answers = [look.plan(by=time.monotonic() + LONG) for look in begun]

    assert all(isinstance(answer, Plan) for answer in answers)
    story.finish()
    assert threads() == 0
    assert isinstance(looks.ask_anew([question_of(request)], seconds=LONG)[0], Plan)


def test_what_nobody_waits_for_any_more_is_not_asked(
    story: plans.Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = filed()
    story.hangs = {request.asked["cluster"]}
    begun = [looks.begin(question_of(request)) for _ in range(3 * looks.AT_ONCE)]
    monkeypatch.setattr(looks, "TURN_SECONDS", -1.0)
    story.finish()

    with pytest.raises(looks.Busy):
        begun[-1].plan(by=time.monotonic() + LONG)
    assert len(story.asked) == looks.AT_ONCE
