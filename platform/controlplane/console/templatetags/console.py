"""How values look on every page: phases, times, quantities, and the address of the same page, changed."""

from datetime import datetime
from typing import Any

from django import template
from django.http import QueryDict
from django.template.context import RequestContext
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.errors import ended
from provisioning.models import Turn

register = template.Library()

# Which of the five looks a word has; a word is always beside the colour.
LOOKS = {
    "Ready": "ok",
    "Succeeded": "ok",
    "approved": "ok",
    "done": "ok",
    "True": "ok",
    "Provisioning": "run",
    "Running": "run",
    "Terminating": "run",
    "Unknown": "run",
    "pending": "warn",
    "Pending": "warn",
    "waiting": "",
    "Degraded": "bad",
    "Failed": "bad",
    "Error": "bad",
    "rejected": "bad",
    "failed": "bad",
    "False": "bad",
}
STEPS = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"))
DAY = 86_400


@register.simple_tag
def badge(word: str, shown: str = "") -> SafeString:
    """A phase or a state as a coloured word, with a capital whoever calls it so."""
    said = shown or word
    return format_html(
        '<span class="badge {}">{}</span>', LOOKS.get(word, ""), f"{said[:1].upper()}{said[1:]}"
    )


@register.filter
def commands(sentence: str) -> SafeString:
    """A sentence in which what stands between backticks is to be typed."""
    parts = sentence.split("`")
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>", p) if n % 2 else p,) for n, p in enumerate(parts)),
    )


@register.filter
def sentence(words: str) -> str:
    """What a program said, as a sentence: a capital first, and an end."""
    said = ended(words.strip())
    return f"{said[:1].upper()}{said[1:]}"


@register.filter
def turn_look(turn: Turn) -> str:
    """The look of a turn's outcome: what failed is told from what is waited for."""
    if not turn.outcome:
        return "run"
    if any(step.get("state") == "failed" for step in turn.steps):
        return "bad"
    return "ok" if turn.outcome == "AllReady" else ""


@register.filter
def duration(seconds: float | None) -> str:
    """`0.4 s`, `42 s`, `3 min`, `2 h`, `5 d`; nothing for nothing."""
    if seconds is None:
        return ""
    if 0 < seconds < 10:  # noqa: PLR2004 - below it a decimal tells something
        return f"{seconds:.1f} s"
    for below, unit, name in STEPS:
        if seconds < below:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds // DAY)} d"


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    """`3 min ago` (or `in 38 s`), with the exact time and zone for who points at it."""
    if moment is None:
        return ""
    away = (timezone.now() - moment).total_seconds()
    words = (
        "just now"
        if 0 <= away < 1
        else f"{duration(away)} ago"
        if away > 0
        else f"in {duration(-away)}"
    )
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        f"{timezone.localtime(moment):%d %b %Y %H:%M:%S %Z}",
        words,
    )


@register.simple_tag
def lasting(moment: datetime | None) -> SafeString | str:
    """For how long something has been so: `42 s`, with the exact time since when."""
    if moment is None:
        return ""
    seconds = max((timezone.now() - moment).total_seconds(), 0)
    return format_html(
        '<time datetime="{}" title="since {}">{}</time>',
        moment.isoformat(),
        f"{timezone.localtime(moment):%d %b %Y %H:%M:%S %Z}",
        duration(seconds),
    )


@register.simple_tag
def at(moment: datetime | None) -> SafeString | str:
    """`21 Nov 2026, 18:32 UTC`: for what stays on a page that is not asked again."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        f"{local:%d %b %Y %H:%M:%S %Z}",
        f"{local:%-d %b %Y, %H:%M %Z}",
    )


@register.simple_tag(takes_context=True)
def same_page(context: RequestContext, **changes: Any) -> str:
    """This page's query with these changes: an empty value takes a key away, and paging begins anew."""
    query: QueryDict = context["request"].GET.copy()
    if "page" not in changes:
        query.pop("page", None)
    for key, value in changes.items():
        query.pop(key, None)
        if value not in ("", None):
            query[key] = str(value)
    return f"?{query.urlencode()}"
