"""Reading what the preflight judges: small reads, dry runs, and one namespace that is gone afterwards.

Whatever is refused becomes a fact of its own: a preflight that ends at the first refusal would have to
be run ten times.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import starmap
from typing import TypeVar

from controlplane.kube.door import Kube
from controlplane.kube.errors import Forbidden, Invalid, KubeError, Missing
from controlplane.objects import Manifest, Ref

from . import base_release
from .preflight import FULL, MINIMAL, Controller, Definition, Facts, Tried
from .rights import Right

AT_ONCE = 8
ACTS_WITHIN = 10.0  # seconds in which a new quota is counted
LOOK_EVERY = 0.05
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
ENFORCE = "pod-security.kubernetes.io/enforce"
MANAGED = "argosy.dev/managed"
PROGRAM = "workflow-controller"

T = TypeVar("T")


def gather(kube: Kube, wanted: Iterable[Right]) -> Facts:
    """The facts of one cluster. Raises KubeError only where it does not answer at all."""
    version = str(kube.read("/version").get("gitVersion", ""))
    may_do_all = _may(kube, Right("*", "*", "*"))
    return Facts(
        version=version,
        missing=() if may_do_all else _missing(kube, tuple(wanted)),
        may_do_all=may_do_all,
        controllers=_read(lambda: tuple(_controllers(kube))),
        definitions=_read(lambda: tuple(_definitions(kube))),
        serves_policies=_serves_policies(kube),
        quota=_quota(kube),
        pod_security=_pod_security(kube),
    )


def _missing(kube: Kube, wanted: tuple[Right, ...]) -> tuple[Right, ...]:
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rights") as pool:
        held = pool.map(lambda right: _may(kube, right), wanted)
        return tuple(right for right, mine in zip(wanted, held, strict=True) if not mine)


def _may(kube: Kube, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    spec: Manifest = (
        {"nonResourceAttributes": {"path": right.path, "verb": right.verb}}
        if right.path
        else {
            "resourceAttributes": {
                "group": right.group,
                "resource": resource,
                "subresource": subresource,
                "verb": right.verb,
                "name": right.name,
            }
        }
    )
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "spec": spec,
    }
    return bool(kube.create(review)["status"]["allowed"])


def _read(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except Forbidden:
        return None


def _controllers(kube: Kube) -> Iterator[Controller]:
    for deployment in kube.list("apps/v1", "Deployment"):
        meta = deployment["metadata"]
        if (meta.get("labels") or {}).get(MANAGED) == "true":
            continue
        containers = deployment["spec"]["template"]["spec"]["containers"]
        if found := [c for c in containers if _is_controller(c)]:
            yield Controller(
                namespace=meta["namespace"],
                name=meta["name"],
                cluster_wide=not any(map(_is_namespaced, found)),
                replicas=int(deployment["spec"].get("replicas", 1)),
            )


def _is_controller(container: Manifest) -> bool:
    image = str(container.get("image", "")).partition("@")[0].rpartition("/")[2].partition(":")[0]
    command = [str(word).rpartition("/")[2] for word in container.get("command") or ()]
    return PROGRAM in {image, *command}


def _is_namespaced(container: Manifest) -> bool:
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    told = {e.get("name"): e.get("value") for e in container.get("env") or ()}
    return (
        "--namespaced" in words
        or "--namespaced=true" in words
        or str(told.get("ARGO_NAMESPACED", "")).lower() in {"1", "t", "true"}
    )


def _definitions(kube: Kube) -> Iterator[Definition]:
    for ours in base_release.crds():
        name = str(ours["metadata"]["name"])
        found = kube.get(Ref("apiextensions.k8s.io/v1", base_release.CRD, "", name))
        if found is not None:
            yield _definition(name, found)


def _definition(name: str, found: Manifest) -> Definition:
    meta, versions = found["metadata"], found["spec"].get("versions") or ()
    labels = meta.get("labels") or {}
    schemas = [((v.get("schema") or {}).get("openAPIV3Schema") or {}) for v in versions]
    fields = [
        ((s.get("properties") or {}).get("spec") or {}).get("properties") or {} for s in schemas
    ]
    managers = [m.get("manager", "") for m in meta.get("managedFields") or ()]
    keeper = labels.get("app.kubernetes.io/managed-by") or next(iter(managers), "") or "somebody"
    return Definition(
        name=name,
        flavour=FULL if any(fields) else MINIMAL,
        line=next(filter(None, starmap(_line, [(name, f) for f in fields])), ""),
        keeper="" if labels.get(MANAGED) == "true" else str(keeper),
        serves=tuple(str(v["name"]) for v in versions if v.get("served")),
    )


def _line(name: str, fields: Manifest) -> str:
    """Which Argo a full CronWorkflow is of: 4.0 took `schedule` away for `schedules`."""
    if not name.startswith("cronworkflows.") or not fields:
        return ""
    return "3.x" if "schedule" in fields else "4.x"


def _serves_policies(kube: Kube) -> bool:
    try:
        served = kube.read(ADMISSION).get("resources") or ()
    except (Missing, Forbidden):
        return False
    return any(r.get("kind") == "ValidatingAdmissionPolicy" for r in served)


def _pod_security(kube: Kube) -> Tried:
    """A level that does not exist is refused by the plug-in, and by nobody else."""
    wrong = _namespace({ENFORCE: "argosy-preflight"})
    try:
        kube.create(wrong, dry_run=True)
    except (Invalid, Forbidden) as exc:
        return Tried(acts=True) if ENFORCE in exc.sentence else Tried(None, exc.sentence)
    except KubeError as exc:
        return Tried(None, exc.sentence)
    return Tried(acts=False)


def _quota(kube: Kube) -> Tried:
    """No room for config maps, and one more tried: in a namespace of its own, or it would be somebody's."""
    try:
        with _scratch(kube) as namespace:
            quota = _object("ResourceQuota", namespace, spec={"hard": {"configmaps": "0"}})
            kube.create(quota)
            return _refused(kube, _object("ConfigMap", namespace))
    except KubeError as exc:
        return Tried(None, exc.sentence)


def _refused(kube: Kube, beyond: Manifest) -> Tried:
    deadline, said = time.monotonic() + ACTS_WITHIN, ""
    while time.monotonic() < deadline:
        try:
            kube.create(beyond, dry_run=True)
        except Forbidden as exc:
            if "exceeded quota" in exc.sentence:
                return Tried(acts=True)
            said = exc.sentence
            if "status unknown for quota" not in said:
                return Tried(None, said)
        time.sleep(LOOK_EVERY)
    return Tried(acts=False, why=said)


@contextmanager
def _scratch(kube: Kube) -> Iterator[str]:
    """A namespace that nobody else has, taken away again: this very one, by its uid."""
    made = kube.create(_namespace({}))
    meta = made["metadata"]
    try:
        yield str(meta["name"])
    finally:
        with suppress(KubeError):
            kube.delete(Ref("v1", "Namespace", "", meta["name"]), uid=str(meta["uid"]))


def _namespace(labels: dict[str, str]) -> Manifest:
    name = f"argosy-preflight-{uuid.uuid4().hex[:8]}"
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _object(kind: str, namespace: str, **content: object) -> Manifest:
    metadata = {"name": "argosy-preflight", "namespace": namespace}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}
