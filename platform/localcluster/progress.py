"""A long build shown: bars on a terminal, one plain line per program elsewhere."""

import time
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from localcluster.recipes import Program


class Report(Protocol):
    """What a build tells while it runs."""

    def note(self, sentence: str) -> None: ...
    def begin(self, missing: Sequence[Program], packages: int) -> None: ...
    def start(self, program: Program) -> None: ...
    def compiled(self) -> None: ...
    def finish(self, program: Program) -> None: ...
    def end(self) -> None: ...


def report_on(console: Console, title: str) -> Report:
    """Bars where somebody watches a terminal, lines for logs and pipes."""
    return Bars(console, title) if console.is_terminal else Lines(console, title)


def spoken(seconds: float) -> str:
    """A duration as a person says it."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class Lines:
    """One plain line per program, written when it starts."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._started = time.monotonic()
        self._total = self._at = 0

    def note(self, sentence: str) -> None:
        self._say(sentence)

    def begin(self, missing: Sequence[Program], packages: int) -> None:
        self._total = len(missing)
        usual = spoken(sum(program.usual_seconds for program in missing))
        self._say(f"building {self._title}: {packages} packages to compile, at most about {usual}")

    def start(self, program: Program) -> None:
        self._at += 1
        usual = spoken(program.usual_seconds)
        self._say(f"[{self._at}/{self._total}] building {program.name}, usually within {usual}")

    def compiled(self) -> None:
        """Single packages are not worth a line."""

    def finish(self, program: Program) -> None:
        """The next line says that this one is done."""

    def end(self) -> None:
        self._say(f"{self._title} built in {spoken(time.monotonic() - self._started)}")

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class Bars:
    """A bar over every package still to compile, and under it a line for each program."""

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._started = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._all: TaskID | None = None
        self._packages = self._done = 0
        self._rows: dict[str, TaskID] = {}

    def note(self, sentence: str) -> None:
        self._progress.console.print(sentence, highlight=False, markup=False)

    def begin(self, missing: Sequence[Program], packages: int) -> None:
        self._packages = packages
        usual = spoken(sum(program.usual_seconds for program in missing))
        # Linking is work too: one step for each program beside the packages.
        self._all = self._progress.add_task(
            f"[bold]{self._title}",
            total=packages + len(missing),
            told=f"0/{packages} packages, at most about {usual}",
        )
        for program in missing:
            self._rows[program.name] = self._progress.add_task(
                f"  {program.name}",
                total=1,
                start=False,
                told=f"usually within {spoken(program.usual_seconds)}",
            )
        self._progress.start()

    def start(self, program: Program) -> None:
        row = self._rows[program.name]
        self._progress.start_task(row)
        # A bar that pulses: how much of one program is left, the compiler does not tell.
        self._progress.update(row, total=None)

    def compiled(self) -> None:
        self._done = min(self._done + 1, self._packages)
        if self._all is not None:
            told = f"{self._done}/{self._packages} packages"
            self._progress.update(self._all, completed=self._done + self._built(), told=told)

    def finish(self, program: Program) -> None:
        row = self._rows[program.name]
        self._progress.update(row, total=1, completed=1, told="built")
        self._progress.stop_task(row)
        if self._all is not None:
            self._progress.update(self._all, completed=self._done + self._built())

    def end(self) -> None:
        if self._all is not None:
            self._progress.update(self._all, completed=self._packages + len(self._rows))
        self._progress.stop()

    def _built(self) -> int:
        return sum(task.finished for task in self._progress.tasks if task.id != self._all)
