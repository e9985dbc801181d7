"""Who did what: rows that are only ever added, sealed into a chain whose head is written elsewhere too."""

from .outcome import Outcome
from .recording import record, record_each

__all__ = ["Outcome", "record", "record_each"]
