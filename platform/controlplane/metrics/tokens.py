"""Who may ask for a cluster's targets, and who for the platform's own figures: one token each.

They are computed from the platform's secret key and kept nowhere: a cluster's says nothing of another's,
and one that was rebuilt has another.
"""

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from controlplane.clusters.models import Cluster

PREFIX = "argosy_metrics_"  # so that secret scanners and people recognise one


def for_targets(cluster: Cluster) -> str:
    """What an engine shows to be told the targets of this cluster, and of no other."""
    return _token("targets", f"{cluster.pk} {cluster.name} {cluster.uid}")


def for_exposition() -> str:
    """What a scraper shows to be told the platform's own figures."""
    return str(settings.METRICS_TOKEN) or _token("exposition", "")


def is_same(given: str, wanted: str) -> bool:
    """Compared in constant time: the right one is always the same."""
    return constant_time_compare(given, wanted)


def _token(of: str, value: str) -> str:
    salt = f"controlplane.metrics.{of}"
    return PREFIX + salted_hmac(salt, value, algorithm="sha256").hexdigest()
