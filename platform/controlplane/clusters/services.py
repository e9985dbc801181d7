"""Adding clusters and keeping what is known of them: the only writers of a Cluster's columns."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import CASCADE, Manager
from django.utils import timezone

from controlplane.errors import DomainError, NotNow
from controlplane.kube.door import Connection, Kube
from controlplane.objects import Manifest, Ref
from controlplane.rows.history import because

from . import base_release, credentials, facts, kubeconfig, preflight, rights
from .connections import connect
from .labels import checked as checked_labels
from .models import Cluster, Scheduling, Trouble
from .preflight import Verdict
from .signals import cluster_answers, cluster_edited

PLACEMENT = {"nodeSelector", "tolerations"}
FEW = 5  # of a longer list, so many stand in a sentence
# What registering writes of a cluster that is known.
REGISTERED = (
    "sealed_kubeconfig",
    "server",
    "placement",
    "simulated",
    "labels",
    "uid",
    "kubernetes_version",
    "api_endpoints",
    "reachable",
    "trouble",
    "message",
    "since",
    "checked_at",
    "next_probe_at",
    "probe_failures",
    "credential_ends_at",
    "base_version",
    "base_message",
    "base_checked_at",
    "removed_at",
)

EDITED = ("placement", "simulated", "labels", "trusts_provider", "group_prefix")


class AnotherCluster(DomainError):
    """A cluster's name and the Kubernetes behind a kubeconfig do not belong together."""

    code = "another_cluster"


class StillUsed(NotNow):
    """A cluster on which teams have namespaces is not removed."""

    code = "still_used"


def register(
    *,
    name: str,
    kubeconfig_text: str,
    placement: dict[str, Any] | None = None,
    simulated: bool | None = None,
    labels: dict[str, str] | None = None,
    rebuilt: bool = False,
) -> Cluster:
    """A cluster that is checked, has the platform's base, and can be given namespaces.

    Registering the same name again replaces its credential and brings its base up to date; what is
    left out (None) stays as it was. The new credential is tried in all it is needed for before the old
    one is let go, and turns under way end with the one they began with.
    The name stays with the Kubernetes it was given to: every namespace under it would be made anew on
    another one, so that is done only when `rebuilt` says that the old one is gone.
    Raises BadKubeconfig for the document, KubeError for the cluster, NotFit for what the preflight
    refuses, AnotherCluster for a name that means another one or a cluster that has a name; none leaves
    a row behind, or changes the one there is.
    """
    config = kubeconfig.checked(kubeconfig_text)
    _check_placement(placement or {})
    cluster = Cluster.with_removed.filter(name=name).first() or Cluster(name=name)
    known = cluster.pk is not None and cluster.removed_at is None
    cluster.sealed_kubeconfig = credentials.sealed(config, name)
    cluster.server = kubeconfig.server_of(config)
    cluster.placement = cluster.placement if placement is None else placement
    cluster.simulated = cluster.simulated if simulated is None else simulated
    cluster.labels = cluster.labels if labels is None else checked_labels(labels)
    cluster.full_clean(validate_unique=cluster.pk is None)
    connection = connect(cluster)
    uid = _uid_of(connection)
    _check_identity(cluster, uid, rebuilt=rebuilt)
    verdicts = judge(connection.kube)
    preflight.demand(verdicts)
    cluster.uid = uid
    cluster.kubernetes_version = str(connection.kube.read("/version").get("gitVersion", ""))
    cluster.api_endpoints = endpoints_of(connection, cluster.server)
    base_release.install(connection, cluster.placement, handing_over=known)
    now = timezone.now()
    cluster.credential_ends_at = credentials.end_of(config)
    cluster.base_version, cluster.base_message = base_release.version(), ""
    cluster.base_checked_at = now  # looked at again once what runs as who we were has ended
    cluster.reachable, cluster.trouble, cluster.message = True, Trouble.NONE, ""
    cluster.since = cluster.checked_at = cluster.next_probe_at = now
    cluster.probe_failures, cluster.removed_at = 0, None
    because(cluster, "Registered: its credential was replaced." if known else "Registered.")
    with transaction.atomic():
        # Of a cluster that is there, others may have written the rest meanwhile.
        cluster.save(update_fields=REGISTERED if cluster.pk else None)
        # The probe will see no news: it is said here that the cluster serves us.
        cluster_answers.send(sender=Cluster, cluster=cluster)
    return cluster


def preflight_of(kubeconfig_text: str) -> tuple[Verdict, ...]:
    """The verdicts on a cluster that is not registered, or not by this credential; nothing is kept.

    Raises BadKubeconfig for the document, KubeError where nobody answers.
    """
    config = kubeconfig.checked(kubeconfig_text)
    sealed = credentials.sealed(config, "asked")
    asked = Cluster(name="asked", sealed_kubeconfig=sealed, server=kubeconfig.server_of(config))
    return judge(connect(asked).kube)


def judge(kube: Kube) -> tuple[Verdict, ...]:
    """What the preflight says of this cluster, by everything that the platform would do there."""
    return preflight.judged(facts.gather(kube, rights.needed()))


def edit(cluster: Cluster) -> Cluster:
    """Keep a cluster as edited: where pods go, whether they run, its labels, whose tokens it believes.

    Its base and namespaces follow, unless only labels changed: those choose where one comes, and move none.
    Raises KubeError if the cluster does not take the base anew: then nothing is kept.
    """
    _check_placement(cluster.placement)
    cluster.labels = checked_labels(cluster.labels)
    before = Cluster.objects.get(pk=cluster.pk)
    if (cluster.name, cluster.sealed_kubeconfig) != (before.name, before.sealed_kubeconfig):
        raise DomainError(
            "A cluster's name and credential are changed by registering it again.",
            code="register_again",
            field="name",
        )
    cluster.full_clean()
    if cluster.placement != before.placement:
        base_release.install(connect(cluster), cluster.placement)
    with transaction.atomic():
        cluster.save(update_fields=EDITED)
        if any(
            getattr(cluster, name) != getattr(before, name) for name in EDITED if name != "labels"
        ):
            cluster_edited.send(sender=Cluster, cluster=cluster)
    return cluster


@transaction.atomic
def remove(cluster: Cluster) -> None:
    """Forget a cluster on which no team has anything: its credential goes, and what was seen of it.

    In the cluster itself nothing is touched. Its name stays in the past of the namespaces that once were
    there, and is free. Raises StillUsed naming who is there; to remove twice is to remove once.
    """
    # Locked, as whoever wants a namespace there locks it: one of the two comes second, and sees the other.
    locked = Cluster.objects.select_for_update().filter(pk=cluster.pk).first()
    if locked is None:
        return
    there = locked.namespaces.live()
    if count := there.count():
        named = ", ".join(f"{n.name} ({n.team.slug})" for n in there.select_related("team")[:FEW])
        more = f" and {count - FEW} more" if count > FEW else ""
        raise StillUsed(
            f"{locked.name} is not removed: teams have namespaces there: {named}{more}. Have them deleted "
            "first; a cluster that is gone for good is registered anew under its name (`argosy cluster "
            "add --rebuilt`), and they are made there."
        )
    for relation in Cluster._meta.related_objects:  # noqa: SLF001 - Django's documented way
        if getattr(relation, "on_delete", None) is CASCADE:
            # As with a deleted row: its agents' tokens among them, which open nothing from now on.
            rows: Manager[Any] = relation.related_model._base_manager  # noqa: SLF001 - as above
            rows.filter(**{relation.field.name: locked}).delete()
    locked.sealed_kubeconfig = locked.uid = locked.message = ""
    locked.reachable, locked.trouble = None, Trouble.NONE
    locked.scheduling = Scheduling.OPEN  # of one that comes back by this name nothing was said yet
    locked.removed_at = timezone.now()
    because(locked, "Removed.")
    locked.save()


def endpoints_of(connection: Connection, server: str) -> list[dict[str, Any]]:
    """Where pods of this cluster find its API server, as `[{"ip": …, "port": …}]`.

    A network policy sees the address after kube-proxy has chosen it: the `kubernetes` Service's own
    endpoints. A cluster that publishes none (its pods run nothing) has the server of its kubeconfig.
    """
    slices = connection.kube.list(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "default",
        labels="kubernetes.io/service-name=kubernetes",
    )
    found = [pair for each in slices for pair in _pairs(each)]
    if found:
        return sorted(found, key=lambda p: (p["ip"], p["port"]))
    url = urlsplit(server)
    return [{"ip": url.hostname or "", "port": url.port or 443}]


def _uid_of(connection: Connection) -> str:
    """Which Kubernetes this is. Its kube-system is made with it and cannot be deleted."""
    found = connection.kube.get(Ref("v1", "Namespace", "", "kube-system"))
    return "" if found is None else str(found["metadata"]["uid"])


def _check_identity(cluster: Cluster, uid: str, *, rebuilt: bool) -> None:
    if not uid:
        raise AnotherCluster("It has no namespace kube-system, so it cannot be told from others.")
    other = Cluster.objects.filter(uid=uid).exclude(pk=cluster.pk).first()
    if other is not None:
        raise AnotherCluster(
            f"This cluster is registered as `{other.name}` already; two names for one cluster would "
            "count its room twice. Use that name."
        )
    if cluster.uid and cluster.uid != uid and not rebuilt:
        raise AnotherCluster(
            f"`{cluster.name}` is another Kubernetes (its kube-system is {cluster.uid}, this one's "
            f"{uid}): everything registered under that name would be made anew here. Register this "
            "one by another name, or, if the old one is gone for good, say that it was rebuilt "
            "(`rebuilt: true`, or `argosy cluster add --rebuilt`).",
        )


def _check_placement(placement: dict[str, Any]) -> None:
    """It is merged into a chart's values: nothing but where pods go may come in by it."""
    if unknown := sorted(placement.keys() - PLACEMENT):
        raise DomainError(
            f"Placement is {' and '.join(sorted(PLACEMENT))}; {', '.join(unknown)} is not part of it.",
            code="bad_placement",
            field="placement",
        )


def _pairs(endpoint_slice: Manifest) -> Sequence[dict[str, Any]]:
    return [
        {"ip": address, "port": port["port"]}
        for endpoint in endpoint_slice.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
        for port in endpoint_slice.get("ports") or ()
    ]
