"""Who waits for an answer at a terminal is told for whom."""

import io
import threading

from rich.console import Console

from controlplane.cli.waiting import waiting


class Screen(io.StringIO):
    """What was printed, and when the first of it was."""

    def __init__(self) -> None:
        super().__init__()
        self.printed = threading.Event()

    def flush(self) -> None:
        if self.getvalue():
            self.printed.set()


def said(screen: Screen, *, person: bool) -> Console:
    return Console(file=screen, force_terminal=person, highlight=False, width=200)


def test_a_person_is_told_whom_they_wait_for_once_it_takes_long() -> None:
    screen = Screen()

    with waiting("http://platform", at_most=60, after=0, out=said(screen, person=True)):
        assert screen.printed.wait(10)

    assert "http://platform has not answered yet; 60 s at most" in screen.getvalue()


def test_a_quick_answer_says_nothing() -> None:
    screen = Screen()

    with waiting("http://platform", at_most=60, after=30, out=said(screen, person=True)):
        pass

    for each in threading.enumerate():
        if isinstance(each, threading.Timer):
            each.join(10)  # one that was not called off would go on for 30 s
            assert not each.is_alive()
    assert screen.getvalue() == ""


def test_a_program_that_reads_along_is_told_nothing() -> None:
    screen = Screen()

    with waiting("http://platform", at_most=60, after=0, out=said(screen, person=False)):
        assert not screen.printed.wait(0.1)
