"""Reading what runs in many clusters at once, page by page: no more than fits, no longer than asked."""

import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from controlplane.kube.door import Kube
from controlplane.kube.errors import Expired, KubeError, Missing
from controlplane.objects import Manifest

ARGO = "argoproj.io/v1alpha1"
# What runs, and what will be run from next.
KINDS = (("v1", "Pod"), (ARGO, "WorkflowTemplate"), (ARGO, "CronWorkflow"))
PAGE = 200  # a workflow template can be a megabyte
AT_ONCE = 8
PAGES_WAITING = 4
FEW = 20  # namespaces, up to which each is listed by itself
MOST_OBJECTS = 20_000


@dataclass(frozen=True)
class Page:
    """Some objects of the namespaces that were asked about."""

    cluster: str
    kind: str
    objects: tuple[Manifest, ...]


@dataclass(frozen=True)
class Read:
    """How a cluster's reading ended: whole, or why not."""

    cluster: str
    whole: bool
    objects: int
    why: str = ""


Opened = Callable[[], Kube]


def everything(
    clusters: Mapping[str, tuple[Opened, frozenset[str]]], *, seconds: float
) -> Iterator[Page | Read]:
    """The objects of each cluster's namespaces, in whatever order they come; last of each, how it ended."""
    deadline = time.monotonic() + seconds
    pages: queue.Queue[Page | Read] = queue.Queue(maxsize=PAGES_WAITING)
    left = len(clusters)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="reading") as readers:
        for name, (opened, namespaces) in clusters.items():
            readers.submit(_read, name, opened, namespaces, deadline=deadline, told=pages.put)
        try:
            while left:
                said = pages.get()
                left -= isinstance(said, Read)
                yield said
        finally:
            # Left before the end: readers that wait for room must come to theirs.
            while left:
                left -= isinstance(pages.get(), Read)


def _read(
    name: str,
    opened: Opened,
    namespaces: frozenset[str],
    *,
    deadline: float,
    told: Callable[[Page | Read], None],
) -> None:
    count, why = 0, ""
    try:
        for page in _pages(name, opened(), namespaces):
            count += len(page.objects)
            told(page)
            if count >= MOST_OBJECTS:
                why = f"It has more than {MOST_OBJECTS:,} objects; the rest was not read."
                break
            if time.monotonic() > deadline:
                why = "There was no time to read the rest of it."
                break
    except KubeError as error:
        why = error.sentence
    except Exception as error:  # noqa: BLE001 - the edge of a thread: silence would hang its reader
        why = f"It could not be read ({type(error).__name__})."
    told(Read(name, whole=not why, objects=count, why=why))


def _pages(cluster: str, kube: Kube, namespaces: frozenset[str]) -> Iterator[Page]:
    places: Sequence[str] = sorted(namespaces) if len(namespaces) <= FEW else ("",)
    for api_version, kind in KINDS:
        for place in places:
            with suppress(Missing):  # a cluster without Argo has none of its objects
                for items in _items(kube, api_version, kind, place):
                    ours = (i for i in items if i["metadata"].get("namespace") in namespaces)
                    yield Page(cluster, kind, tuple(ours))


def _items(kube: Kube, api_version: str, kind: str, place: str) -> Iterator[tuple[Manifest, ...]]:
    cursor = ""
    while True:
        try:
            items, cursor = kube.page(api_version, kind, place, limit=PAGE, cursor=cursor)
        except Expired:
            return  # it took so long that the rest is another list; what was read stays read
        yield items
        if not cursor:
            return
