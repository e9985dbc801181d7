"""Which configuration a team's Argo controller gets, and whether a configuration is one at all.

Pure: values in, values out. `default_config` derives one from a tier, `render` writes it as the config map's
data, `parse` reads such data back, `check` refuses what a controller of that version would die of.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
import yaml

from controlplane.errors import DomainError

from .argo_keys import (
    OLDEST,
    SINCE,
    ArtifactGc,
    ArtifactRepository,
    Config,
    Container,
    Metrics,
    NodeEvents,
    Persistence,
    PodGc,
    Resources,
    RetentionPolicy,
    Shape,
    Sso,
    TtlStrategy,
    WorkflowDefaults,
    WorkflowSpec,
)

S = TypeVar("S", bound=Shape)

RUNNER = "workflow-runner"
USER = 8737  # the user of Argo's own images; the steps' too, whatever their image says
METRICS_PORT = 9090

HOUR = 3600
DAY = 24 * HOUR

# Pod Security `restricted` refuses a pod with one container that does not say all of this.
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


class BadArgoConfig(DomainError):
    """A configuration that Argo's controller would not start with."""

    code = "bad_argo_config"


@dataclass(frozen=True)
class Sizes:
    """What one container asks for, where a step names nothing itself."""

    requests: Mapping[str, str]
    limits: Mapping[str, str]


@dataclass(frozen=True)
class Keep:
    """How long things stay after a workflow ended, in seconds."""

    succeeded: int = DAY
    failed: int = 7 * DAY
    otherwise: int = 3 * DAY
    succeeded_pods: int = 60

    def after(self, phase: str) -> int:
        """How long a workflow that ended so stays, unless it names its own time or there are too many."""
        return {"Succeeded": self.succeeded, "Failed": self.failed}.get(phase, self.otherwise)


@dataclass(frozen=True)
class StepSizes:
    """A step's own container, and the executor's beside it."""

    main: Sizes = field(
        default_factory=lambda: Sizes(
            requests={"cpu": "100m", "memory": "128Mi"}, limits={"cpu": "500m", "memory": "256Mi"}
        )
    )
    # It copies a program of 110 MB and waits: little on average, more for a moment.
    executor: Sizes = field(
        default_factory=lambda: Sizes(
            requests={"cpu": "20m", "memory": "64Mi"}, limits={"cpu": "500m", "memory": "256Mi"}
        )
    )


def default_config(
    *,
    hard: Mapping[str, str],
    executor_image: str,
    deadline_seconds: int,
    parallelism: int | None = None,
    placement: Mapping[str, Any] | None = None,
    keep: Keep | None = None,
    sizes: StepSizes | None = None,
    sso: Sso | None = None,
) -> Config:
    """The configuration for a namespace with the quota `hard`, and for its server where there is one.

    `parallelism` is as `parallelism_of` takes it. `placement` holds `nodeSelector` and `tolerations`
    for the steps. The result holds 3.7's keys only, so it fits every version we give to teams.
    """
    sizes = sizes or StepSizes()
    return Config(
        parallelism=parallelism_of(parallelism, hard, sizes),
        executor=Container(
            image=executor_image,
            # As the controller's: a local cluster has no registry to ask.
            image_pull_policy="IfNotPresent",
            resources=_resources(sizes.executor),
            security_context=dict(RESTRICTED),
        ),
        # Root file systems stay writable: many images write to theirs, and artifacts pass the executor's.
        main_container=Container(
            resources=_resources(sizes.main), security_context=dict(RESTRICTED)
        ),
        workflow_defaults=WorkflowDefaults(
            spec=_workflow_defaults(deadline_seconds, keep or Keep(), placement or {})
        ),
        retention_policy=_retention(hard),
        # Plain HTTP, said out loud because Argo's default is a certificate nobody can check. The network
        # policy lets the scraper in and nobody else.
        metrics_config=Metrics(enabled=True, path="/metrics", port=METRICS_PORT, secure=False),
        # One Event per step is a write to etcd that tells what the workflow's status tells already.
        node_events=NodeEvents(enabled=False),
        sso=sso,
    )


def parallelism_of(
    given: int | None, hard: Mapping[str, str], sizes: StepSizes | None = None
) -> int:
    """How many workflows may run at once: what is given; None is derived from the quota `hard`.

    Never less than one: to Argo 0 is no bound at all.
    """
    return parallelism_for(hard, sizes) if given is None else max(1, given)


def parallelism_for(hard: Mapping[str, str], sizes: StepSizes | None = None) -> int:
    """How many workflows may run at once under the quota `hard`: as many as can each have one pod.

    For each of `pods`, `requests.cpu` (or `cpu`), `requests.memory` (or `memory`), `limits.cpu`,
    `limits.memory` that the quota names: hard, divided by what a pod of default size uses of it (one step's
    container and one executor's), rounded down. The least of these, not more than
    `count/workflows.argoproj.io`, never less than one. A workflow that runs wider than one pod waits for
    room: Argo retries what exceeds a quota.
    """
    sizes = sizes or StepSizes()
    use = {"pods": Decimal(1)}
    for resource in ("cpu", "memory"):
        asked, most = (
            quantity(sizes.main.requests[resource]) + quantity(sizes.executor.requests[resource]),
            quantity(sizes.main.limits[resource]) + quantity(sizes.executor.limits[resource]),
        )
        use |= {resource: asked, f"requests.{resource}": asked, f"limits.{resource}": most}
    room = [int(quantity(hard[key]) / each) for key, each in use.items() if key in hard]
    room += [int(quantity(hard[WORKFLOWS]))] if WORKFLOWS in hard else []
    return max(1, min(room, default=1))


def wired(config: Config, wiring: Mapping[str, Any], *, cluster: str) -> Config:
    """The configuration that also names a team's secrets: where artifacts go, where workflows are kept.

    Secrets are named and never carried. Raises BadArgoConfig for what Argo could not read. What of `wiring`
    is the server's alone is not the controller's business.
    """
    repository = _part(wiring, "artifactRepository", ArtifactRepository)
    persistence = _part(wiring, "persistence", Persistence)
    if persistence is not None:
        # Two clusters' workflows in one database are told apart by this alone, and Argo's own word for
        # every cluster is `default`.
        persistence = msgspec.structs.replace(persistence, cluster_name=cluster)
    spec = config.workflow_defaults.spec if config.workflow_defaults else None
    if spec is not None and (pulled := wiring.get("imagePullSecrets")):
        named = [{"name": name} for name in pulled]
        defaults = WorkflowDefaults(spec=msgspec.structs.replace(spec, image_pull_secrets=named))
        config = msgspec.structs.replace(config, workflow_defaults=defaults)
    return msgspec.structs.replace(config, artifact_repository=repository, persistence=persistence)


def render(config: Config, *, version: str) -> dict[str, str]:
    """The config map's data for a controller of `version`. Raises BadArgoConfig for a key it lacks."""
    plain: dict[str, Any] = msgspec.to_builtins(config)
    check(version, plain)
    return {key: _text(value) for key, value in sorted(plain.items())}


def parse(data: Mapping[str, str], *, version: str) -> Config:
    """The configuration that a config map's data holds, read as strictly as the controller reads it."""
    plain = {}
    for key, text in data.items():
        try:
            plain[key] = yaml.safe_load(text)
        except yaml.YAMLError as exc:
            raise BadArgoConfig(f"{key} is not YAML: {' '.join(str(exc).split())}") from exc
    check(version, plain)
    try:
        return msgspec.convert(plain, Config)
    except msgspec.ValidationError as exc:
        raise BadArgoConfig(f"Argo cannot read this configuration: {exc}") from exc


def check(version: str, keys: Mapping[str, Any]) -> None:
    """Raise BadArgoConfig for the first key, at any depth, that a controller of `version` does not know."""
    release = _release(version)
    if release < OLDEST:
        raise BadArgoConfig(
            f"Argo {version} is older than {_dotted(OLDEST)}, the oldest we give to teams"
        )
    _check_mapping(keys, Config, "", version, release)


def quantity(text: str) -> Decimal:
    """The number that a Kubernetes quantity stands for: `1500m` is 1.5. Raises BadArgoConfig otherwise."""
    if not (match := _QUANTITY.fullmatch(text)):
        raise BadArgoConfig(f"{text!r} is no quantity; write 2, 500m or 4Gi")
    return Decimal(match["number"]) * _FACTORS[match["suffix"] or ""]


WORKFLOWS = "count/workflows.argoproj.io"

_QUANTITY = re.compile(
    r"(?P<number>(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)(?P<suffix>[numkMGTPE]|[KMGTPE]i)?", re.ASCII
)
_FACTORS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{s: Decimal(1000) ** i for i, s in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{s: Decimal(1024) ** i for i, s in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}


def _part(wiring: Mapping[str, Any], key: str, shape: type[S]) -> S | None:
    if (found := wiring.get(key)) is None:
        return None
    try:
        return msgspec.convert(found, shape)
    except msgspec.ValidationError as exc:
        raise BadArgoConfig(f"Argo cannot read how a secret is wired ({key}): {exc}") from exc


def _workflow_defaults(
    deadline_seconds: int, keep: Keep, placement: Mapping[str, Any]
) -> WorkflowSpec:
    return WorkflowSpec(
        active_deadline_seconds=deadline_seconds,
        # Argo keeps everything for ever by default; etcd and the controller's memory pay for it.
        ttl_strategy=TtlStrategy(
            seconds_after_success=keep.succeeded,
            seconds_after_failure=keep.failed,
            seconds_after_completion=keep.otherwise,
        ),
        # Only pods that succeeded go. One that failed is there to be looked at; it goes with its workflow.
        pod_gc=PodGc(strategy="OnPodSuccess", delete_delay_duration=f"{keep.succeeded_pods}s"),
        # The cluster refuses any other account, and Argo's own choice would be `default`.
        service_account_name=RUNNER,
        artifact_gc=ArtifactGc(service_account_name=RUNNER),
        # True, because the executor reports with this token. Argo keeps it from the step only by a Secret
        # with a token that never expires.
        automount_service_account_token=True,
        security_context={
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        node_selector=dict(placement.get("nodeSelector") or {}) or None,
        tolerations=list(placement.get("tolerations") or ()) or None,
    )


def _retention(hard: Mapping[str, str]) -> RetentionPolicy | None:
    """Finished workflows may fill half of what the quota counts; or a team could not start another one."""
    if WORKFLOWS not in hard:
        return None
    count = int(quantity(hard[WORKFLOWS]))
    return RetentionPolicy(
        completed=max(1, count // 4), failed=max(1, count // 8), errored=max(1, count // 8)
    )


def _resources(sizes: Sizes) -> Resources:
    return Resources(requests=dict(sizes.requests), limits=dict(sizes.limits))


def _text(value: object) -> str:
    """One key's text. Argo puts it behind `key: `, or below it and indented when it has more than one line.

    So a mapping must end in a newline even if it has one line only, and a scalar must have none.
    """
    if isinstance(value, dict | list):
        return yaml.safe_dump(value, default_flow_style=False, sort_keys=True, width=1000)
    return msgspec.json.encode(value).decode()


def _check_mapping(
    value: object, wanted: Any, path: str, version: str, release: tuple[int, ...]
) -> None:
    """Walk `value` along its type: only mappings that are a Shape have known keys."""
    inner = [t for t in get_args(wanted) if t is not type(None)]
    if get_origin(wanted) in (UnionType, Union):
        _check_mapping(value, inner[0], path, version, release)
    elif get_origin(wanted) is list and isinstance(value, list):
        for item in value:
            _check_mapping(item, inner[0], path, version, release)
    elif get_origin(wanted) is dict and isinstance(value, dict):
        for item in value.values():
            _check_mapping(item, inner[-1], path, version, release)
    elif isinstance(wanted, type) and issubclass(wanted, Shape) and isinstance(value, Mapping):
        known = {f.encode_name: f.type for f in msgspec.structs.fields(wanted)}
        for key, item in value.items():
            here = f"{path}.{key}".removeprefix(".")
            if key not in known:
                raise BadArgoConfig(_unknown(here, str(key), tuple(known)))
            if (since := SINCE.get(here, OLDEST)) > release:
                raise BadArgoConfig(
                    f"{here} came with Argo {_dotted(since)}; a controller {version} would not start with it"
                )
            _check_mapping(item, known[key], here, version, release)


def _unknown(path: str, key: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(key, known, n=3, cutoff=0.5)
    hint = (
        f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(sorted(known))}"
    )
    return f"{path} is no key of Argo's configuration, and its controller would not start with it; {hint}"


def _release(version: str) -> tuple[int, ...]:
    if not (match := re.fullmatch(r"v?(\d+)\.(\d+)(\.\d+)?(-[0-9A-Za-z.-]+)?", version, re.ASCII)):
        raise BadArgoConfig(f"{version!r} is no version of Argo; write v4.1.2")
    return int(match[1]), int(match[2])


def _dotted(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))
