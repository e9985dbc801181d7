"""How an act ended."""

from django.db.models import TextChoices


class Outcome(TextChoices):
    """What became of what somebody tried."""

    DONE = "done"
    DENIED = "denied"  # they may not
    FAILED = "failed"  # they may, and it did not work
