"""Asking clusters for plans without waiting for ever: a page is there in time, with or without one.

However many ask, and however long a cluster hangs, there are so many threads and no more: what finds no
place is told so, and asked again by whoever still wants to know.
"""

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from controlplane.errors import DomainError
from controlplane.kube.errors import KubeError, Unreachable

from .agreement import Plan, Question

PAGE_SECONDS = 2.5  # a page waits no longer for its clusters, all of them together
AT_ONCE = 4  # questions to one cluster at a time, in this process: its fall is its own
WAITING = 50  # questions that wait for a turn at one cluster: two inboxes of the longest
MOST_AT_ONCE = 64  # questions to all clusters at a time: so many threads, whoever asks
TURN_SECONDS = 60.0  # nobody waits for a question whose turn has not come by then
THREAD = "look"
KEPT_SECONDS = 60.0  # how long an answer that came too late for its page waits for the next one

Answer = Plan | KubeError | DomainError

_keeping = threading.Lock()
_asking: Counter[int] = Counter()  # threads, by cluster
_waiting: defaultdict[int, deque["Look"]] = defaultdict(deque)
_late: dict[str, "Look"] = {}


class NotYet(KubeError):
    """The cluster is still being asked: look again in a moment."""


class Busy(Unreachable):
    """More is being asked than there are hands for: this was not asked at all."""


@dataclass(frozen=True)
class Look:
    """A question that a cluster is being asked."""

    question: Question
    answer: "Future[Plan]" = field(default_factory=Future)
    begun: float = field(default_factory=time.monotonic)

    def plan(self, *, by: float) -> Plan:
        """The plan, at the latest at this moment of the monotonic clock. Raises NotYet after it."""
        try:
            return self.answer.result(timeout=max(by - time.monotonic(), 0))
        except TimeoutError as exc:
            if self.answer.done():  # the deadline was the cluster's own, not ours
                raise
            waited = time.monotonic() - self.begun
            raise NotYet(
                f"{self.question.cluster.name} has not answered for {waited:.0f} s; it is still "
                "being asked. Look again in a moment."
            ) from exc

    def run(self) -> None:
        """Ask; whatever comes of it is the reader's. Not if its turn came when nobody waits any more."""
        name = self.question.cluster.name
        if time.monotonic() - self.begun > TURN_SECONDS:
            self.answer.set_exception(Busy(f"{name} was too busy to be asked. Look again."))
            return
        try:
            self.answer.set_result(self.question.ask())
        except BaseException as exc:  # noqa: BLE001 - raised again where the answer is read
            self.answer.set_exception(exc)


def begin(question: Question) -> Look:
    """Ask as soon as it is this question's turn; at once answered as Busy where too many wait already.

    The threads are daemons: a cluster that hangs does not keep the process.
    """
    look, pk = Look(question), question.cluster.pk
    with _keeping:
        starts = _asking[pk] < AT_ONCE and _asking.total() < MOST_AT_ONCE
        # A queue has readers only while threads of its cluster run.
        waits = not starts and _asking[pk] > 0 and len(_waiting[pk]) < WAITING
        if starts:
            _asking[pk] += 1
        elif waits:
            _waiting[pk].append(look)
    if starts:
        threading.Thread(target=_ask_in_turn, args=(look,), name=THREAD, daemon=True).start()
    elif not waits:
        look.answer.set_exception(
            Busy(
                f"{question.cluster.name} is not asked now: too many plans are being asked for "
                "already, of clusters that are slow to answer. Look again in a moment."
            )
        )
    return look


def _ask_in_turn(look: Look) -> None:
    """A thread's life: this question, and what waits for the same cluster after it."""
    pk = look.question.cluster.pk
    following: Look | None = look
    while following is not None:
        following.run()
        with _keeping:
            following = _waiting[pk].popleft() if _waiting[pk] else None
            if following is None:
                _forget_thread(pk)


def _forget_thread(pk: int) -> None:
    _asking[pk] -= 1
    if not _asking[pk]:
        del _asking[pk]
        _waiting.pop(pk, None)


def read(questions: Sequence[Question], *, seconds: float) -> list[Answer]:
    """Plans to show, for each question one or why not, within `seconds` for all of them together.

    An answer that comes later waits for the next reader of the same question. What is shown may be
    a minute old, never what is approved: that is asked anew.
    """
    looks = [_taken_up(question) for question in questions]
    return _gathered(looks, seconds=seconds, keep=True)


def ask_anew(questions: Sequence[Question], *, seconds: float) -> list[Answer]:
    """Plans to decide on: every question is asked now, whatever was asked before."""
    return _gathered([begin(question) for question in questions], seconds=seconds, keep=False)


def _gathered(looks: Sequence[Look], *, seconds: float, keep: bool) -> list[Answer]:
    until = time.monotonic() + seconds
    found: list[Answer] = []
    for look in looks:
        try:
            found.append(look.plan(by=until))
        except (KubeError, DomainError) as exc:  # each question's failure is its own
            found.append(exc)
            if keep and isinstance(exc, NotYet):
                with _keeping:
                    _late[_key(look.question)] = look
    return found


def _taken_up(question: Question) -> Look:
    """The look that came too late for the page before, else a new one."""
    now = time.monotonic()
    with _keeping:
        for key in [k for k, look in _late.items() if _is_stale(look, now)]:
            del _late[key]
        waiting = _late.pop(_key(question), None)
    return waiting or begin(question)


def _is_stale(look: Look, now: float) -> bool:
    """One that still runs is not: asking a slow cluster twice makes it slower."""
    return look.answer.done() and now - look.begun > KEPT_SECONDS


def _key(question: Question) -> str:
    return f"{question.cluster.pk} {question.cluster.server} {question.spec}"
