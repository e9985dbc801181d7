"""One round: a namespace gets what it is to have of its team's secrets, and loses what it is not.

Removals come first, so that a name is free for its next secret. What is there is read without its content;
an object that we do not know as ours is left alone and told of. Each secret fails for itself.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from controlplane.clusters.connections import connect
from controlplane.errors import DomainError
from controlplane.kube.door import Kube
from controlplane.kube.errors import Conflict, Invalid, KubeError, Unreachable
from controlplane.objects import Manifest, Ref, ref_of
from provisioning.plan import is_ours
from tenants import services as tenants
from tenants.models import TenantNamespace
from tenants.spec import NamespaceSpec

from . import contents
from .kinds import Role
from .manifests import is_of, secret_object
from .models import Delivery, DeliveryState, Round, Secret

LEASE = timedelta(seconds=90)
LOOK_AGAIN = timedelta(minutes=5)
FAILED_FIRST, FAILED_LAST = timedelta(seconds=5), timedelta(minutes=10)
MOST_DOUBLINGS = 7
ANSWER_SECONDS = 10.0

logger = logging.getLogger(__name__)

There = Mapping[Ref, Manifest]  # what is in the namespaces, without content


@dataclass(frozen=True)
class Done:
    """How one round ended: how many were changed, and what went wrong."""

    changed: int = 0
    failures: tuple[str, ...] = ()
    silent: bool = False


def deliver(pk: int) -> Done | None:
    """Take the round of one namespace; None if it is not due, or another's."""
    now = timezone.now()
    mine = Round.objects.claim(pk, now=now, lease=LEASE)
    if mine is None:
        return None
    try:
        done = _gone_through(mine.namespace)
    except Unreachable as exc:
        done = Done(failures=(exc.sentence,), silent=True)
    except (KubeError, DomainError) as exc:
        done = Done(failures=(exc.sentence,))
    except Exception:  # noqa: BLE001 - see below
        # The edge: an unknown failure must not keep the claim. Without the words of it: they may quote.
        logger.error("secrets of %s: a mistake of the platform's", mine.namespace)  # noqa: TRY400
        done = Done(failures=("The platform made a mistake.",))
    if done.failures or done.changed:
        logger.info(
            "secrets of %s: %d changed, %d failed", mine.namespace, done.changed, len(done.failures)
        )
    mine.ended(
        next_at=timezone.now() + wait(mine.failures if done.failures else None),
        failed=bool(done.failures),
    )
    return done


def wait(failures: int | None) -> timedelta:
    """How long until the next round: a look again, or after failures ever longer."""
    if failures is None:
        return LOOK_AGAIN
    return min(FAILED_FIRST * (1 << min(failures, MOST_DOUBLINGS)), FAILED_LAST)


def _gone_through(namespace: TenantNamespace) -> Done:
    if namespace.deletion_requested_at is not None or namespace.applied_at is None:
        return Done()  # it goes with all that is in it; or is not there yet
    spec = namespace.spec()
    kube = connect(namespace.cluster).kube.within(ANSWER_SECONDS)
    if not _is_there(kube, spec):
        return Done()
    wanted = list(
        Secret.objects.belonging_in(namespace).filter(version__gt=0).select_related("team")
    )
    _wire(namespace, wanted)
    gone, failures = _take_away(kube, spec, namespace, wanted)
    there = _there(kube, spec, wanted)
    changed = gone
    for secret in wanted:
        failure, news = _bring(kube, spec, namespace, secret, there)
        changed += news
        failures += [failure] if failure else []
    _wire(namespace, wanted)
    return Done(changed, tuple(failures))


def _is_there(kube: Kube, spec: NamespaceSpec) -> bool:
    """Both of its namespaces are there, and are ours to write into."""
    found = [kube.get(Ref("v1", "Namespace", "", name)) for name in (spec.name, spec.control)]
    return all(
        each is not None and is_ours(spec, each) and "deletionTimestamp" not in each["metadata"]
        for each in found
    )


def _there(kube: Kube, spec: NamespaceSpec, wanted: list[Secret]) -> There:
    """The Secrets of the namespaces that we bring something to: who and when, and not what is in them."""
    found: dict[Ref, Manifest] = {}
    for namespace in sorted({_where(spec, secret.what.ROLE) for secret in wanted}):
        cursor = ""
        while True:
            page = kube.list_from(
                "v1", "Secret", namespace=namespace, cursor=cursor, metadata_only=True
            )
            found |= {ref_of(m): m for m in page.items}
            cursor = page.cursor
            if not cursor:
                break
    return found


def _take_away(
    kube: Kube, spec: NamespaceSpec, namespace: TenantNamespace, wanted: list[Secret]
) -> tuple[int, list[str]]:
    """What was delivered here and is not to be: exactly the objects that we made."""
    leaving = Delivery.objects.filter(namespace=namespace).exclude(secret__in=wanted)
    gone, failures = 0, []
    for delivery in leaving.select_related("secret__team"):
        ref = Ref("v1", "Secret", _where(spec, delivery.secret.what.ROLE), delivery.secret.name)
        try:
            _remove(kube, spec, ref, delivery)
        except Unreachable:
            raise
        except KubeError as exc:
            failures.append(exc.sentence)
            _note(delivery, DeliveryState.FAILED, exc.sentence)
        else:
            delivery.delete()
            gone += 1
    return gone, failures


def _remove(kube: Kube, spec: NamespaceSpec, ref: Ref, delivery: Delivery) -> None:
    uid = delivery.uid
    if not uid:
        # Made, perhaps, by a round that was cut off before it could write down what it had made.
        found = kube.get(ref)
        if found is None or not is_of(spec, found, delivery.secret_id):
            return
        uid = found["metadata"]["uid"]
    try:
        kube.delete(ref, uid=uid)
    except Conflict:
        return  # ours is gone, and there is somebody else's by that name: it stays


def _bring(
    kube: Kube, spec: NamespaceSpec, namespace: TenantNamespace, secret: Secret, there: There
) -> tuple[str, bool]:
    """One secret in its namespace; what went wrong, and whether anything was changed."""
    delivery, _ = Delivery.objects.get_or_create(secret=secret, namespace=namespace)
    ref = Ref("v1", "Secret", _where(spec, secret.what.ROLE), secret.name)
    found = there.get(ref)
    if found is not None and not is_of(spec, found, secret.pk):
        sentence = (
            f"There is a Secret {secret.name} in {ref.namespace} that the platform did not make; it was "
            "not touched. Have it removed, or give this one another name."
        )
        _note(delivery, DeliveryState.TAKEN, sentence)
        return sentence, False
    if found is not None and _is_as_left(delivery, secret, found):
        return "", False
    try:
        made = _put(kube, _wanted(spec, ref, secret), found)
    except Unreachable:
        raise
    except (KubeError, DomainError) as exc:
        _note(delivery, DeliveryState.FAILED, exc.sentence)
        return exc.sentence, False
    delivery.version, delivery.uid = secret.version, made["metadata"]["uid"]
    delivery.resource_version = made["metadata"]["resourceVersion"]
    _note(delivery, DeliveryState.DELIVERED, "")
    return "", True


def _is_as_left(delivery: Delivery, secret: Secret, found: Manifest) -> bool:
    """Nobody wrote to it since we did: whatever it holds is what we put there."""
    left = (delivery.version, delivery.uid, delivery.resource_version)
    meta = found["metadata"]
    return left == (secret.version, meta["uid"], meta["resourceVersion"])


def _wanted(spec: NamespaceSpec, ref: Ref, secret: Secret) -> Manifest:
    version = secret.versions.get(number=secret.version)
    return secret_object(
        spec,
        ref,
        number=secret.pk,
        version=version.number,
        type_=secret.what.TYPE,
        data=secret.what.data(contents.opened(version)),
    )


def _put(kube: Kube, wanted: Manifest, found: Manifest | None) -> Manifest:
    """Make it so. What is not there is created, never applied: somebody may be making theirs right now."""
    if found is None:
        return kube.create(wanted)
    try:
        made = kube.apply(wanted)
    except Invalid:
        # Its type was changed, which no apply can change back; or it was made immutable.
        kube.delete(ref_of(wanted), uid=found["metadata"]["uid"])
        return kube.create(wanted)
    if (made.get("data") or {}).keys() == wanted["data"].keys():
        return made
    # Others put keys of theirs beside ours, or an older version had more of them.
    exact = {**wanted, "metadata": {**made["metadata"], **_kept(made, wanted)}}
    return kube.replace(exact)


def _kept(made: Manifest, wanted: Manifest) -> Mapping[str, Any]:
    """Others' labels and annotations may stay beside ours."""
    there, ours = made["metadata"], wanted["metadata"]
    return {part: {**(there.get(part) or {}), **ours[part]} for part in ("labels", "annotations")}


def _note(delivery: Delivery, state: DeliveryState, sentence: str) -> None:
    delivery.state, delivery.sentence, delivery.at = state, sentence[:1000], timezone.now()
    delivery.save()


def _where(spec: NamespaceSpec, role: Role) -> str:
    return spec.name if role == "workload" else spec.control


def _wire(namespace: TenantNamespace, wanted: list[Secret]) -> None:
    """Argo's configuration names what is there, and not what is on its way or to be gone."""
    there = set(
        Delivery.objects.filter(namespace=namespace, version__gt=0).values_list("secret", flat=True)
    )
    wiring: dict[str, Any] = {}
    for secret in wanted:
        if secret.pk in there:
            settings = secret.versions.get(number=secret.version).settings
            for key, part in secret.what.wiring(secret.name, settings).items():
                wiring[key] = [*wiring.get(key, []), *part] if isinstance(part, list) else part
    tenants.wire(namespace, wiring)


def due_now(now: datetime) -> list[int]:
    """The namespaces to go through now."""
    return list(
        Round.objects.due(now).order_by("due_at").values_list("namespace", flat=True)[:1000]
    )
