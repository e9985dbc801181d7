"""Which exemption lets an image run where it broke the policy? One query for a whole list."""

from collections.abc import Sequence
from datetime import datetime

from controlplane.policies.models import ImageExemption, Violation
from tenants.names import CONTROL_SUFFIX

from .image_rules import rule_of


def letting_in(found: Sequence[Violation], now: datetime) -> dict[int, ImageExemption]:
    """By violation, the exemption that holds for it now; none is asked for where none could."""
    helped = [v for v in found if could_help(v)]
    if not helped:
        return {}
    held = ImageExemption.objects.not_over(now).select_related("namespace")
    theirs = held.filter(
        team__in={v.team_id for v in helped}, image__in={v.image for v in helped}
    ).order_by("-not_after", "pk")
    rows = list(theirs)
    lets = {v.pk: next((e for e in rows if lets_in(e, v, now)), None) for v in helped}
    return {pk: exemption for pk, exemption in lets.items() if exemption is not None}


def could_help(violation: Violation) -> bool:
    """No exemption names what is no image, and none holds in a control namespace."""
    named = violation.team_id is not None and rule_of(violation.code).exemptible
    return named and not violation.namespace.endswith(CONTROL_SUFFIX)


def lets_in(exemption: ImageExemption, violation: Violation, now: datetime) -> bool:
    """Whether it holds now for this image there: the same name on another cluster is another place."""
    of = (exemption.team_id, exemption.image) == (violation.team_id, violation.image)
    return of and could_help(violation) and exemption.holds(now) and _there(exemption, violation)


def _there(exemption: ImageExemption, violation: Violation) -> bool:
    where = exemption.namespace
    here = (violation.cluster_id, violation.namespace)
    return where is None or (where.cluster_id, where.name) == here
