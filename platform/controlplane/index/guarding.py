"""Noticing who changes what the platform keeps: from news of objects to the places that want a look."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from .entries import OwnedEntry
from .kinds import Kind
from .owned import is_other, is_tampered
from .watching import Changed, Heard, Listed, News, Standing


class Guard:
    """One kind on one cluster: how each object was last. One thread's own."""

    def __init__(self) -> None:
        self._last: dict[str, OwnedEntry] = {}

    def take(self, news: News) -> set[str]:
        """The places where somebody else changed something, as far as this news tells."""
        match news:
            case Changed(OwnedEntry() as entry, gone=True):
                self._last.pop(entry.uid, None)
                return {entry.namespace}
            case Changed(OwnedEntry() as entry):
                before, self._last[entry.uid] = self._last.get(entry.uid), entry
                return {entry.namespace} if is_tampered(before, entry) else set()
            case Listed(entries):
                return self._listed([e for e in entries if isinstance(e, OwnedEntry)])
        return set()

    def _listed(self, entries: Collection[OwnedEntry]) -> set[str]:
        """The same where events are missing: nothing was watched yet, or the cluster has forgotten them."""
        last, self._last = self._last, {entry.uid: entry for entry in entries}
        gone = last.keys() - self._last.keys()
        return {
            *(last[uid].namespace for uid in gone),
            *(e.namespace for e in entries if is_other(last.get(e.uid), e)),
        }


@dataclass
class Watchfulness:
    """Whether all of these kinds of one cluster are followed, and if not, why. Told by many threads."""

    called: Kind
    kinds: tuple[Kind, ...]
    _by_kind: dict[str, Standing] = field(default_factory=dict)
    _said: Standing | None = None
    _telling: threading.Lock = field(default_factory=threading.Lock)

    def take(self, kind: Kind, news: Standing | Heard) -> Standing | Heard | None:
        """What there is to say now of all of them; None if that was said already."""
        with self._telling:
            if isinstance(news, Heard):
                return news if self._said is not None and self._said.in_step else None
            self._by_kind[kind.name] = news
            bad = next((s for s in self._by_kind.values() if not s.in_step), None)
            if bad is None and len(self._by_kind) < len(self.kinds):
                return None  # the first list of some is yet to come
            now = bad or Standing(in_step=True)
            if now == self._said:
                return None
            self._said = now
            return now
