"""The table as typed values, read once; a table that cannot be read stops whoever asks."""

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
import yaml

FILE = Path(__file__).parent / "argo_workflows.yaml"


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `introduced`, or the first, up to and without `fixed`, or without end."""

    introduced: str = ""
    fixed: str = ""


class Advisory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is wrong with the versions of these ranges."""

    id: str
    summary: str
    ranges: tuple[Range, ...]
    also: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A minor version, and whether it still gets patches."""

    line: str
    state: Literal["supported", "ending", "ended"]
    why: str = ""


class Forbidden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version that is never to be installed."""

    version: str
    why: str
    source: str = ""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is known, and as of when."""

    as_of: dt.date
    sources: tuple[str, ...]
    recommended: str
    lines: tuple[Line, ...]
    forbidden: tuple[Forbidden, ...]
    advisories: tuple[Advisory, ...]


@lru_cache(maxsize=1)
def argo_workflows() -> Table:
    """What came with this platform."""
    return msgspec.convert(yaml.safe_load(FILE.read_text(encoding="utf-8")), Table)
