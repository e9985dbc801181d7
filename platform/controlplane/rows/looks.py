"""How values look in the desk's cells: words in colour, times told from now, text that may be long."""

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def word(look: str, shown: str) -> SafeString:
    """A word in one of five looks (ok, run, warn, bad, none): the colour never says more than it."""
    return format_html('<span class="badge {}">{}</span>', look, shown)


def distance(seconds: float) -> str:
    """`42 s`, `3 min`, `2 h`, `5 d`."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def ago(moment: datetime | None) -> SafeString | str:
    """`3 min ago`, or `in 38 s`, with the exact time and zone for who points at it."""
    if moment is None:
        return ""
    away = (timezone.now() - moment).total_seconds()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        f"{timezone.localtime(moment):%d %b %Y %H:%M:%S %Z}",
        f"{distance(away)} ago" if away >= 0 else f"in {distance(-away)}",
    )


def at(moment: datetime) -> SafeString:
    """`14 Nov 2026 18:35:16 UTC, 7 d ago`: for a page of one row, which has the room."""
    shown = f"{timezone.localtime(moment):%d %b %Y %H:%M:%S %Z}"
    return format_html('{} <span class="quiet">{}</span>', shown, ago(moment))


def due(moment: datetime | None) -> SafeString | str:
    """`in 38 s`; what should have been by now is due."""
    if moment is None or moment > timezone.now():
        return ago(moment)
    return format_html("due, {}", ago(moment))


def clipped(text: str) -> SafeString | str:
    """Text that may be long: one line in a list, all of it for who points at it."""
    return format_html('<span class="clipped" title="{0}">{0}</span>', text) if text else ""
