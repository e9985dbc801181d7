"""Adding clusters and keeping what is known of them: the only writers of a Cluster's columns."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.db import transaction
from django.utils import timezone

from controlplane.errors import DomainError
from controlplane.kube.door import Connection
from controlplane.objects import Manifest, Ref
from controlplane.rows.history import because

from . import base_release, credentials, kubeconfig
from .connections import connect
from .models import Cluster, Trouble
from .sealing import seal
from .signals import cluster_answers, cluster_edited

PLACEMENT = {"nodeSelector", "tolerations"}


class AnotherCluster(DomainError):
    """A cluster's name and the Kubernetes behind a kubeconfig do not belong together."""

    code = "another_cluster"


def register(
    *,
    name: str,
    kubeconfig_text: str,
    placement: dict[str, Any] | None = None,
    simulated: bool | None = None,
    rebuilt: bool = False,
) -> Cluster:
    """A cluster that is checked, has the platform's base, and can be given namespaces.

    Registering the same name again replaces its credential and brings its base up to date; what is
    left out (None) stays as it was. The name
    stays with the Kubernetes it was given to: every namespace under it would be made anew on
    another one, so that is done only when `rebuilt` says that the old one is gone.
    Raises BadKubeconfig for the document, KubeError for the cluster, AnotherCluster for a name that
    means another one or a cluster that has a name; none leaves a row behind.
    """
    config = kubeconfig.checked(kubeconfig_text)
    _check_placement(placement or {})
    cluster = Cluster.objects.filter(name=name).first() or Cluster(name=name)
    cluster.sealed_kubeconfig = seal(orjson.dumps(config).decode())
    cluster.server = kubeconfig.server_of(config)
    cluster.placement = cluster.placement if placement is None else placement
    cluster.simulated = cluster.simulated if simulated is None else simulated
    cluster.full_clean(validate_unique=cluster.pk is None)
    connection = connect(cluster)
    uid = _uid_of(connection)
    _check_identity(cluster, uid, rebuilt=rebuilt)
    cluster.uid = uid
    cluster.kubernetes_version = str(connection.kube.read("/version").get("gitVersion", ""))
    cluster.api_endpoints = endpoints_of(connection, cluster.server)
    base_release.install(connection, cluster.placement)
    now = timezone.now()
    cluster.credential_ends_at = credentials.end_of(config)
    cluster.base_version, cluster.base_checked_at, cluster.base_message = (
        base_release.version(), None, "",
    )  # fmt: skip
    cluster.reachable, cluster.trouble, cluster.message = True, Trouble.NONE, ""
    cluster.since = cluster.checked_at = cluster.next_probe_at = now
    cluster.probe_failures = 0
    because(cluster, "Registered: its credential was replaced." if cluster.pk else "Registered.")
    with transaction.atomic():
        cluster.save()
        # The probe will see no news: it is said here that the cluster serves us.
        cluster_answers.send(sender=Cluster, cluster=cluster)
    return cluster


def edit(cluster: Cluster) -> Cluster:
    """Keep where pods go on a cluster, and whether they run, as edited; its base and namespaces follow.

    Raises KubeError if the cluster does not take the base anew: then nothing is kept.
    """
    _check_placement(cluster.placement)
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
        cluster.save(update_fields=["placement", "simulated"])
        cluster_edited.send(sender=Cluster, cluster=cluster)
    return cluster


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
