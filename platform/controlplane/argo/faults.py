"""Why a workflow would not run although an API server takes it.

The API server keeps whatever is below `spec`; Argo passes over a field that it does not know, and what its
controller or the cluster refuses is only seen in pods that never come. So it is said before it is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from difflib import get_close_matches
from itertools import islice
from typing import Any

from controlplane.errors import DomainError
from controlplane.objects import Manifest
from provisioning.argo_config import quantity
from tenants.spec import TierSpec

from . import fields
from .submission import BadWorkflow

MOST = 20  # faults told at once
LONGEST_NAME = 63  # that is compared and told: likeness takes time, and a name may be a book
MOST_NAMES = 500  # that one is compared with
MORE_OFTEN = 0.6  # how alike two names are before one is taken for the other
FILLED_IN = "{{"  # what Argo writes there later is not known yet
BOUND_CAPABILITY = "NET_BIND_SERVICE"  # the only one that `restricted` lets a container add
HOSTS = ("hostNetwork", "hostPID", "hostIPC")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, where it is, and whether the workflow can therefore never run."""

    path: str
    sentence: str
    certain: bool = False


@dataclass(frozen=True)
class _Part:
    """A piece of a workflow that has fields: where it is, what it is called, what it may have."""

    path: str
    said: Mapping[str, Any]
    known: frozenset[str]
    name: str


class CannotRun(BadWorkflow):
    """A workflow that would end before its first pod, whatever the cluster is like."""

    code = "cannot_run"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].sentence, path=faults[0].path)
        self.faults = tuple(faults)
        self.details: Mapping[str, Any] = {"warnings": [asdict(fault) for fault in faults]}


def check(faults: Sequence[Fault]) -> None:
    """Refuse what can never run; whatever else is wrong with it is told along."""
    if any(fault.certain for fault in faults):
        raise CannotRun(faults)


def faults_of(workflow: Manifest, tier: TierSpec) -> tuple[Fault, ...]:
    """What is wrong with the spec of a workflow, or of a template; what ends it comes first."""
    spec = _mapping(workflow.get("spec"))
    found = (
        _entrypoint(spec),
        _missing_templates(spec),
        _idle(spec),
        (fault for part in _parts(spec) for fault in _unknown(part)),
        _of_the_pod("spec", spec),
        (fault for path, said in _templates(spec) for fault in _of_the_pod(path, said)),
        _of_the_containers(spec, tier),
    )
    # Looking for the nearest name takes time, and one manifest may hold thousands of slips.
    few = [fault for kind in found for fault in islice(kind, MOST)]
    return tuple(sorted(few, key=lambda fault: not fault.certain)[:MOST])


def _entrypoint(spec: Mapping[str, Any]) -> Iterator[Fault]:
    entrypoint, names = spec.get("entrypoint"), _names(spec)
    if _is_elsewhere(spec) or _is_open(entrypoint):
        return
    if not entrypoint:
        some = f", such as `entrypoint: {names[0]}`" if names else ""
        yield Fault("spec", f"It can never run: it has no `entrypoint`{some}.", certain=True)
    elif entrypoint not in names:
        yield Fault("spec.entrypoint", _no_template(str(entrypoint), names), certain=True)


def _missing_templates(spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Every call of a template by a name that none has: Argo refuses the whole workflow for it."""
    if _is_elsewhere(spec):
        return
    names = _names(spec)
    known = set(names)
    for path, called in _calls(spec):
        if isinstance(called, str) and called and not _is_open(called) and called not in known:
            yield Fault(path, _no_template(called, names), certain=True)


def _idle(spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Templates that do nothing: Argo refuses the whole workflow for one."""
    if _is_elsewhere(spec) or "templateDefaults" in spec:
        return
    for path, template in _rows("spec.templates", spec.get("templates")):
        if not any(kind in template for kind in fields.KINDS):
            some = "such as `container`, `script`, `steps` or `dag`"
            sentence = f"It can never run: this template says nothing to do, {some}."
            yield Fault(path, sentence, certain=True)


def _calls(spec: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    yield "spec.onExit", spec.get("onExit")
    yield from _hooks("spec", spec)
    for path, template in _templates(spec):
        for at, step in _steps(path, template):
            yield f"{at}.template", step.get("template")
            yield f"{at}.onExit", step.get("onExit")
            yield from _hooks(at, step)


def _hooks(path: str, said: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, hook in _mapping(said.get("hooks")).items():
        yield f"{path}.hooks.{name}.template", _mapping(hook).get("template")


def _no_template(name: str, names: list[str]) -> str:
    name, some = name[:LONGEST_NAME], [each[:LONGEST_NAME] for each in names[:MOST_NAMES]]
    near = get_close_matches(name, some, n=1, cutoff=MORE_OFTEN)
    there = f"did you mean {near[0]}?" if near else f"there is: {', '.join(some[:10]) or 'none'}."
    return f"It can never run: there is no template {name}; {there}"


def _parts(spec: Mapping[str, Any]) -> Iterator[_Part]:
    yield _Part("spec", spec, fields.SPEC, "a workflow's spec")
    yield from _arguments("spec", spec)
    for path, template in _templates(spec):
        yield _Part(path, template, fields.TEMPLATE, "a template")
        for end, known in (("inputs", fields.ARGUMENTS), ("outputs", fields.OUTPUTS)):
            yield from _ends(f"{path}.{end}", _mapping(template.get(end)), known)
        yield _Part(f"{path}.dag", _mapping(template.get("dag")), fields.DAG, "a dag")
        called = ("a task", fields.TASK) if "dag" in template else ("a step", fields.STEP)
        for at, step in _steps(path, template):
            yield _Part(at, step, called[1], called[0])
            yield from _arguments(at, step)
        retry = _mapping(template.get("retryStrategy"))
        yield _Part(f"{path}.retryStrategy", retry, fields.RETRY, "a retryStrategy")
        group = _mapping(template.get("containerSet"))
        yield _Part(f"{path}.containerSet", group, fields.CONTAINER_SET, "a containerSet")
        for at, container, known, _ in _containers(path, template):
            yield _Part(at, container, known, "a container")


def _arguments(path: str, said: Mapping[str, Any]) -> Iterator[_Part]:
    yield from _ends(f"{path}.arguments", _mapping(said.get("arguments")), fields.ARGUMENTS)


def _ends(path: str, said: Mapping[str, Any], known: frozenset[str]) -> Iterator[_Part]:
    yield _Part(path, said, known, f"`{path.rpartition('.')[2]}`")
    for at, parameter in _rows(f"{path}.parameters", said.get("parameters")):
        yield _Part(at, parameter, fields.PARAMETER, "a parameter")


def _unknown(part: _Part) -> Iterator[Fault]:
    for field in part.said:
        if field not in part.known:
            shown = str(field)[:LONGEST_NAME]
            near = get_close_matches(shown, sorted(part.known), n=1, cutoff=MORE_OFTEN)
            meant = f"did you mean `{near[0]}`?" if near else "Argo passes over it."
            sentence = f"There is no field `{shown}` in {part.name}; {meant}"
            yield Fault(f"{part.path}.{field}", sentence)


def _of_the_pod(path: str, said: Mapping[str, Any]) -> Iterator[Fault]:
    """What Pod Security `restricted` refuses of a whole pod."""
    for host in HOSTS:
        if said.get(host) is True:
            yield _insecure(f"{path}.{host}", f"`{host}: true`")
    for at, volume in _rows(f"{path}.volumes", said.get("volumes")):
        if "hostPath" in volume:
            yield _insecure(f"{at}.hostPath", "a `hostPath` volume")
    yield from _of_a_context(f"{path}.securityContext", _mapping(said.get("securityContext")))


def _of_the_containers(spec: Mapping[str, Any], tier: TierSpec) -> Iterator[Fault]:
    for path, template in _templates(spec):
        for at, container, _, is_main in _containers(path, template):
            context = _mapping(container.get("securityContext"))
            where = f"{at}.securityContext"
            yield from _of_a_context(where, context)
            yield from _of_a_container(where, context)
            if not is_main:
                yield from _unsaid(at, context)
            for port_at, port in _rows(f"{at}.ports", container.get("ports")):
                if port.get("hostPort"):
                    yield _insecure(f"{port_at}.hostPort", "a `hostPort`")
            yield from _too_much(at, _mapping(container.get("resources")), tier)


def _of_a_context(path: str, context: Mapping[str, Any]) -> Iterator[Fault]:
    """What a security context of a pod or of a container may not say."""
    if context.get("runAsNonRoot") is False:
        yield _insecure(f"{path}.runAsNonRoot", "`runAsNonRoot: false`")
    if context.get("runAsUser") == 0:
        yield _insecure(f"{path}.runAsUser", "`runAsUser: 0`, which is root")
    if _mapping(context.get("seccompProfile")).get("type") == "Unconfined":
        yield _insecure(f"{path}.seccompProfile", "`seccompProfile: Unconfined`")


def _of_a_container(path: str, context: Mapping[str, Any]) -> Iterator[Fault]:
    for field in ("privileged", "allowPrivilegeEscalation"):
        if context.get(field) is True:
            yield _insecure(f"{path}.{field}", f"`{field}: true`")
    added = _mapping(context.get("capabilities")).get("add")
    for name in added if isinstance(added, list) else ():
        if name != BOUND_CAPABILITY:
            yield _insecure(f"{path}.capabilities.add", f"the capability {name}")


def _unsaid(path: str, context: Mapping[str, Any]) -> Iterator[Fault]:
    """The platform's defaults are for the main container; every other one has to say this itself."""
    wanted = {
        "`allowPrivilegeEscalation: false`": context.get("allowPrivilegeEscalation") is not None,
        "`capabilities: {drop: [ALL]}`": (
            _mapping(context.get("capabilities")).get("drop") == ["ALL"]
        ),
    }
    if unsaid := [words for words, said in wanted.items() if not said]:
        yield _insecure(path, f"a container beside the main one without {' and '.join(unsaid)}")


def _insecure(path: str, what: str) -> Fault:
    return Fault(
        path, f"Pod Security `restricted` holds here and refuses {what}: no pod would come."
    )


def _too_much(path: str, resources: Mapping[str, Any], tier: TierSpec) -> Iterator[Fault]:
    """What no container may have, or what is more than the whole namespace has."""
    for part in ("requests", "limits"):
        for what, said in _mapping(resources.get(part)).items():
            asked, at = _amount(said), f"{path}.resources.{part}.{what}"
            most = _mapping(tier.limits.get("max")).get(what)
            quota = tier.quota.get(f"{part}.{what}")
            if asked is None:
                continue
            if most is not None and asked > quantity(most):
                sentence = f"a container may have at most {most} here: no pod would come."
                yield Fault(at, f"{said} {what} is too much; {sentence}")
            elif quota is not None and asked > quantity(quota):
                sentence = f"the quota of the whole namespace is {quota}: no pod would come."
                yield Fault(at, f"{said} {what} is too much; {sentence}")


def _amount(said: object) -> Decimal | None:
    """A quantity as a number; None for what is none, or is filled in later."""
    if isinstance(said, bool) or not isinstance(said, str | int | float) or _is_open(said):
        return None
    try:
        return quantity(str(said))
    except (DomainError, ValueError, ArithmeticError):
        return None


def _templates(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every template with its place: those of the list, their defaults, and those written in line."""
    listed = list(_rows("spec.templates", spec.get("templates")))
    if isinstance(spec.get("templateDefaults"), dict):
        listed.append(("spec.templateDefaults", spec["templateDefaults"]))
    while listed:
        path, template = listed.pop(0)
        yield path, template
        listed += [
            (f"{at}.inline", step["inline"])
            for at, step in _steps(path, template)
            if isinstance(step.get("inline"), dict)
        ]


def _steps(path: str, template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The steps or tasks that a template calls. Steps are lists of what runs side by side."""
    rows = template.get("steps")
    for number, side_by_side in enumerate(rows if isinstance(rows, list) else ()):
        yield from _rows(f"{path}.steps[{number}]", side_by_side)
    yield from _rows(f"{path}.dag.tasks", _mapping(template.get("dag")).get("tasks"))


def _containers(
    path: str, template: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any], frozenset[str], bool]]:
    """Each container, the fields it may have, and whether the platform's defaults are for it."""
    for kind, known in (("container", fields.CONTAINER), ("script", fields.SCRIPT)):
        if isinstance(template.get(kind), dict):
            yield f"{path}.{kind}", template[kind], known, True
    group = _mapping(template.get("containerSet")).get("containers")
    for at, each in _rows(f"{path}.containerSet.containers", group):
        yield at, each, fields.MEMBER, True
    for kind in ("initContainers", "sidecars"):
        for at, each in _rows(f"{path}.{kind}", template.get(kind)):
            yield at, each, fields.BESIDE, False


def _names(spec: Mapping[str, Any]) -> list[str]:
    rows = _rows("spec.templates", spec.get("templates"))
    return [template["name"] for _, template in rows if isinstance(template.get("name"), str)]


def _is_elsewhere(spec: Mapping[str, Any]) -> bool:
    """Whether its templates are those of a WorkflowTemplate, which is not read here."""
    return bool(spec.get("workflowTemplateRef"))


def _is_open(value: object) -> bool:
    return isinstance(value, str) and FILLED_IN in value


def _rows(path: str, said: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, row in enumerate(said if isinstance(said, list) else ()):
        if isinstance(row, dict):
            yield f"{path}[{number}]", row


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
