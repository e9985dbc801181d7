"""How amounts and budgets look on the pages of requests."""

from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tenants.budget import Outlook
from tenants.models import Tier

register = template.Library()
FULL = 100


@register.filter
def amount(value: Decimal | int) -> str:
    """A number without the zeros nobody needs: 4, not 4.000."""
    shown = f"{Decimal(value):,.3f}"
    return shown.rstrip("0").rstrip(".")


@register.simple_tag
def meter(line: Outlook) -> SafeString:
    """A bar of a budget: what is promised, then what would be added, of what there may be."""
    limit = max(line.limit, line.after, Decimal(1))
    used, adds = (round(float(part / limit) * FULL, 1) for part in (line.promised, line.adds))
    return format_html(
        '<svg class="meter{}" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" '
        'aria-label="{} of {} {} after this">'
        '<rect class="used" width="{}" height="8"></rect>'
        '<rect class="adds" x="{}" width="{}" height="8"></rect></svg>',
        " over" if line.over else "",
        amount(line.after),
        amount(line.limit),
        line.what,
        used,
        used,
        adds,
    )


@register.filter
def verdict(lines: tuple[Outlook, ...] | None) -> str:
    """A badge's word or two; `verdict_why` says the rest."""
    if lines is None:
        return "tier is gone"
    if any(line.over for line in lines):
        return "over budget"
    return "fits alone" if any(line.over_with_others for line in lines) else "fits"


@register.filter
def verdict_why(lines: tuple[Outlook, ...] | None) -> str:
    """By how much it is over, alone or with what else waits; nothing where all of it fits."""
    if lines is None:
        return "The tier it asks for is gone."
    if over := [_much(line.over, line.what) for line in lines if line.over]:
        return f"Over by {', '.join(over)}."
    if over := [_much(line.over_with_others, line.what) for line in lines if line.over_with_others]:
        others = next((line.others for line in lines if line.what == "namespaces"), Decimal())
        which = "the other one that waits" if others == 1 else f"the {others} others that wait"
        return f"With {which}: over by {', '.join(over)}."
    return ""


@register.filter
def verdict_look(lines: tuple[Outlook, ...] | None) -> str:
    """The look of a verdict's badge."""
    if lines is None or any(line.over for line in lines):
        return "bad"
    return "warn" if any(line.over_with_others for line in lines) else "ok"


def _much(value: Decimal, what: str) -> str:
    """`1 namespace`, `3 cores`."""
    return f"{amount(value)} {what.removesuffix('s') if value == 1 else what}"


@register.filter
def dictkey(mapping: dict[str, str], key: str) -> str:
    """A value whose key has a dot, such as a quota's `requests.cpu`."""
    return mapping.get(key, "")


@register.filter
def gives(tier: Tier) -> list[tuple[str, str]]:
    """What a tier gives, in the order in which people ask: quota, a container's limits, controller."""
    quota, limits, controller = tier.quota, tier.limits, tier.controller_resources
    found = [
        ("CPU", _range(quota, "requests.cpu", "limits.cpu", unit=" cores")),
        ("Memory", _range(quota, "requests.memory", "limits.memory")),
        ("Workflows", quota.get("count/workflows.argoproj.io", "")),
        ("At once", str(tier.parallelism or "")),
        ("Pods", quota.get("pods", "")),
        ("Storage", quota.get("requests.storage", "")),
        ("A container", _pair(limits.get("default"), most=limits.get("max"))),
        ("Controller", _pair(controller.get("requests"), most=controller.get("limits"))),
    ]
    return [(term, value) for term, value in found if value]


def _range(quota: dict[str, str], least: str, most: str, unit: str = "") -> str:
    bursting = f", bursts to {quota[most]}" if quota.get(most) else ""
    return f"{quota.get(least, '')}{unit}{bursting}"


def _pair(given: dict[str, str] | None, *, most: dict[str, str] | None) -> str:
    shown, limit = (
        " · ".join(part[key] for key in ("cpu", "memory") if part and key in part)
        for part in (given, most)
    )
    return f"{shown}, at most {limit}" if limit else shown
