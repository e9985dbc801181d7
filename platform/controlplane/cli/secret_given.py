"""What a person gives of a secret: by files, by the standard input, or asked for; never by the command line.

A command line is seen by everybody on that machine while it runs, and by its history ever after.
"""

import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from .client import Answer, ApiError


@dataclass(frozen=True)
class Sources:
    """Where each part is to be had: `KEY=TEXT` of what may be shown, `KEY=PATH`, and keys."""

    settings: Sequence[str] = ()
    files: Sequence[str] = ()
    from_stdin: str = ""
    asked: Sequence[str] = ()


def given(kind: Answer, sources: Sources) -> Answer:
    """One version as the API takes it. Raises ApiError for the first part that cannot be had."""
    settings = dict(_pair(each, "--set KEY=TEXT") for each in sources.settings)
    if wrong := sorted(settings.keys() - _names(kind, secret=False)):
        raise ApiError(_not_on_the_line(kind, wrong[0]))
    values: dict[str, bytes] = {}
    for key, value in _values(kind, sources):
        if key in values:
            raise ApiError(f"{key} is given twice.")
        values[key] = _one_line(value) if kind["asks"] else value
    for key in sorted(_wanted(kind) - values.keys()):
        values[key] = _ask(key)
    binary = {key: b64encode(value).decode() for key, value in values.items()}
    return {"settings": settings, "binary": binary}


def _values(kind: Answer, sources: Sources) -> Iterator[tuple[str, bytes]]:
    for each in sources.files:
        key, path = _pair(each, "--from-file KEY=PATH")
        yield key, _read(Path(path).expanduser())
    if sources.from_stdin:
        yield sources.from_stdin, _standard_input(kind)
    for key in sources.asked:
        yield key, typer.prompt(key, hide_input=True).encode()


def _standard_input(kind: Answer) -> bytes:
    if sys.stdin.isatty() and kind["asks"]:
        raise ApiError(
            "--value-from-stdin reads what is sent to the command, as in `pass show it | argosy …`; to type "
            "it, leave that out and you are asked."
        )
    return sys.stdin.buffer.read()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ApiError(f"{path} cannot be read: {exc.strerror}.") from None


def _ask(key: str) -> bytes:
    """For what is missing; who cannot be asked is told how to give it."""
    if not sys.stdin.isatty():
        raise ApiError(
            f"{key} is missing: give it by --from-file {key}=PATH, or by --value-from-stdin {key}."
        )
    answer: str = typer.prompt(key, hide_input=True)
    return answer.encode()


def _pair(said: str, form: str) -> tuple[str, str]:
    """Never with what was said in the refusal: it may be what nobody is to read."""
    key, equals, rest = said.partition("=")
    if not key or not equals or not rest:
        raise ApiError(f"Write {form}.")
    return key, rest


def _names(kind: Answer, *, secret: bool) -> set[str]:
    return {field["name"] for field in kind["asks"] if field["secret"] is secret}


def _wanted(kind: Answer) -> set[str]:
    required = {field["name"] for field in kind["asks"] if field["needed"]}
    return required & _names(kind, secret=True)


def _not_on_the_line(kind: Answer, key: str) -> str:
    if key not in _names(kind, secret=True) and kind["asks"]:
        known = ", ".join(sorted(_names(kind, secret=False)))
        return f"{kind['title']} has no setting {key}; it has {known}."
    return (
        f"{key} is secret, and a command line is not: others on this machine saw it, and its history keeps "
        f"it. Take another value, and give it by --from-file {key}=PATH, --value-from-stdin {key} or "
        f"--ask {key}."
    )


def _one_line(value: bytes) -> bytes:
    """A password without the end of its line, which editors and `echo` write after it."""
    return value.removesuffix(b"\n").removesuffix(b"\r")
