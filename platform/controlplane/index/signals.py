"""What the index announces while it writes: in the same transaction, so that both are kept or neither."""

from dataclasses import dataclass
from datetime import datetime

from django.dispatch import Signal


@dataclass(frozen=True)
class Ended:
    """A workflow that uses nothing more: it finished, or it is gone.

    `seen` is false where it was gone before anybody saw how it ended: then this is what was last known.
    """

    namespace_id: int
    uid: str
    template: str
    phase: str
    created_at: datetime
    finished_at: datetime | None
    cpu_seconds: int
    memory_mib_seconds: int
    seen: bool = True


# `ended`: a list of Ended, of one cluster; `now`. Sent again for what was told before: a list says all anew.
workflows_ended = Signal()
