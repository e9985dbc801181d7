"""What a turn puts back, in words for the team whose namespace it is: which objects, and who changed them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from controlplane.objects import FINGERPRINT, Manifest, Ref, ref_of

from .desired import Desired
from .drift import HELMS, OURS, foreign_entries
from .live import Live
from .plan import Apply, Create, EnsureRelease, Recreate, Remove, Restore, Step, drifted

PUT_BACK, TOOK_AWAY = "Put back ", "Took away "
MOST = 6  # objects that are named
LONGEST_NAME = 40

Told = tuple[str, str]  # which object, what happened to it


def told(steps: Sequence[Step], desired: Desired, live: Live, *, control: str) -> str:
    """One sentence; '' if these steps only make what is newly wanted.

    For a wish that was carried out before: what is missing then was there once, and what carries another
    fingerprint than the wanted one is an older wish of ours.
    """
    back = list(dict.fromkeys(_put_back(steps, desired, live)))
    away = [
        (step.ref, _by("made", _others(live.objects[step.ref])))
        for step in steps
        if isinstance(step, Remove) and _others(live.objects[step.ref])
    ]
    parts = [
        f"{verb}{_listed([(_named(ref, control), how) for ref, how in found])}"
        for verb, found in ((PUT_BACK, back), (TOOK_AWAY, away))
        if found
    ]
    return "; ".join([parts[0], *(p[0].lower() + p[1:] for p in parts[1:])]) if parts else ""


def is_told(message: str) -> bool:
    """True if a turn's message is such a sentence."""
    return message.startswith((PUT_BACK, TOOK_AWAY))


def is_same_wish(found: Manifest, wanted: Manifest) -> bool:
    """True if we wrote what is there for this wish, whatever became of it; not for an older one."""
    return _print(found) == _print(wanted)


def _put_back(steps: Iterable[Step], desired: Desired, live: Live) -> Iterator[tuple[Ref, str]]:
    for step in steps:
        match step:
            case Apply(manifest=wanted) | Create(manifest=wanted) | Recreate(manifest=wanted):
                yield from _object(wanted, live, OURS)
            case Restore(manifest=wanted, manager=manager):
                yield from _object(wanted, live, manager)
            case EnsureRelease(release=release):
                there = live.releases.get((release.namespace, release.name))
                if there is not None and there.fingerprint == release.fingerprint:
                    for each in desired.releases:
                        for wanted in each.objects:
                            if drifted(wanted, live, manager=HELMS):
                                yield from _object(wanted, live, HELMS)


def _object(wanted: Manifest, live: Live, manager: str) -> Iterator[tuple[Ref, str]]:
    found = live.objects.get(ref_of(wanted))
    if found is None:
        yield ref_of(wanted), "it was gone"
    elif is_same_wish(found, wanted):
        yield ref_of(wanted), _by("changed", foreign_entries(found, manager=manager))


def _print(manifest: Manifest) -> object:
    return (manifest["metadata"].get("annotations") or {}).get(FINGERPRINT)


def _others(found: Manifest) -> list[Mapping[str, Any]]:
    """Who made an object that carries our label and is none of ours; nobody, if we did ourselves."""
    entries = found["metadata"].get("managedFields") or ()
    if any(entry.get("manager") in {OURS, HELMS} for entry in entries):
        return []
    return [entry for entry in entries if entry.get("subresource") != "status"]


def _by(verb: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """`changed by kubectl-edit, 18:32 UTC`: the last of them, as far as the cluster tells."""
    if not entries:
        return verb  # what is taken out of an object leaves no name behind
    last = max(entries, key=lambda entry: str(entry.get("time", "")))
    who = "".join(c for c in str(last.get("manager") or "somebody") if c.isprintable())
    return f"{verb} by {who[:LONGEST_NAME]}{_at(last.get('time'))}"


def _at(time: object) -> str:
    try:
        return f", {datetime.fromisoformat(str(time)):%H:%M} UTC"
    except ValueError:
        return ""


def _named(ref: Ref, control: str) -> str:
    return f"{ref.kind} {ref.name}{f' in {control}' if ref.namespace == control else ''}"


def _listed(found: Sequence[Told]) -> str:
    """`A and B (changed by x), C (it was gone) and 3 more`."""
    phrases = [
        f"{_joined([what for what, _ in some])} ({how})"
        for how, some in groupby(found[:MOST], key=lambda told: told[1])
    ]
    more = len(found) - MOST
    return _joined([*phrases, *([f"{more} more"] if more > 0 else [])])


def _joined(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
