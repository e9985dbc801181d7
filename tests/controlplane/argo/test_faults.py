"""What a dry run of the API server would not say: why a workflow would not run as it is written."""

import time
from typing import Any

import pytest
import yaml

from controlplane.argo.faults import MOST, CannotRun, check, faults_of
from tenants.spec import TierSpec

TIER = TierSpec(
    slug="small",
    quota={"requests.cpu": "4", "limits.cpu": "8", "requests.memory": "8Gi"},
    limits={"default": {"cpu": "500m"}, "max": {"cpu": "4", "memory": "8Gi"}},
    controller_resources={},
    parallelism=None,
    workflow_deadline_seconds=3600,
)
MAIN = "templates: [{name: main, container: {image: a}}]"


def told(spec: str) -> dict[str, str]:
    workflow = {"kind": "Workflow", "spec": yaml.safe_load(spec)}
    return {fault.path: fault.sentence for fault in faults_of(workflow, TIER)}


def container(said: str, kind: str = "container") -> dict[str, str]:
    return told(f"{{entrypoint: main, templates: [{{name: main, {kind}: {said}}}]}}")


@pytest.mark.parametrize(
    "spec",
    [
        f"{{entrypoint: main, {MAIN}}}",
        "workflowTemplateRef: {name: t}",
        "{entrypoint: '{{workflow.parameters.which}}', " + MAIN + "}",
        """
        entrypoint: main
        onExit: bye
        arguments: {parameters: [{name: day, value: a, enum: [a, b]}]}
        hooks: {exit: {template: bye, expression: "true"}}
        templates:
        - name: main
          inputs: {parameters: [{name: day}]}
          steps: [[{name: one, template: bye, when: "1 == 1", withItems: [1]}]]
        - name: whole
          dag:
            failFast: true
            tasks:
            - {name: two, template: bye, depends: one}
            - {name: three, templateRef: {name: x, template: y}}
            - {name: four, inline: {container: {image: a}}}
        - name: bye
          retryStrategy: {limit: 2}
          script:
            image: a
            source: echo
            resources: {requests: {cpu: "{{inputs.parameters.cpu}}"}, limits: {cpu: 4}}
        - name: wait
          suspend: {}
        """,
    ],
)
def test_of_a_workflow_that_can_run_nothing_is_said(spec: str) -> None:
    assert told(spec) == {}


@pytest.mark.parametrize(
    ("spec", "path", "says"),
    [
        (f"{{{MAIN}}}", "spec", "no `entrypoint`, such as `entrypoint: main`"),
        (f"{{entrypoint: mian, {MAIN}}}", "spec.entrypoint", "did you mean main?"),
        (f"{{entrypoint: other, {MAIN}}}", "spec.entrypoint", "there is: main."),
        (f"{{entrypoint: main, onExit: bye, {MAIN}}}", "spec.onExit", "no template bye"),
        ("{entrypoint: main}", "spec.entrypoint", "there is: none."),
        ("{entrypoint: main, templates: [{name: main}]}", "spec.templates[0]", "nothing to do"),
        (
            "{entrypoint: a, templates: [{name: a, steps: [[{name: s, template: b}]]}]}",
            "spec.templates[0].steps[0][0].template",
            "no template b",
        ),
        (
            "{entrypoint: a, templates: [{name: a, dag: {tasks: [{name: s, template: b}]}}]}",
            "spec.templates[0].dag.tasks[0].template",
            "no template b",
        ),
    ],
)
def test_what_can_never_run_is_refused(spec: str, path: str, says: str) -> None:
    workflow = {"spec": yaml.safe_load(spec)}

    with pytest.raises(CannotRun) as refused:
        check(faults_of(workflow, TIER))

    assert refused.value.path == path
    assert says in refused.value.sentence


@pytest.mark.parametrize(
    ("spec", "path", "says"),
    [
        (f"{{entrypoint: main, tempaltes: [], {MAIN}}}", "spec.tempaltes", "`templates`?"),
        (f"{{entrypoint: main, zzzz: 1, {MAIN}}}", "spec.zzzz", "Argo passes over it"),
        (
            "{entrypoint: a, templates: [{name: a, suspend: {}, retryStratgy: {}}]}",
            "spec.templates[0].retryStratgy",
            "`retryStrategy`?",
        ),
        (
            "{entrypoint: a, templates: [{name: a, dag: {tasks: [{template: a, dependancies: [c]}]}}]}",
            "spec.templates[0].dag.tasks[0].dependancies",
            "`dependencies`?",
        ),
        (
            "{entrypoint: a, arguments: {parameters: [{vale: 1}]}, templates: [{name: a, suspend: }]}",
            "spec.arguments.parameters[0].vale",
            "`value`?",
        ),
        (
            "{entrypoint: a, templates: [{name: a, container: {imagee: b}}]}",
            "spec.templates[0].container.imagee",
            "`image`?",
        ),
    ],
)
def test_a_field_that_there_is_not_is_said_with_the_nearest(
    spec: str, path: str, says: str
) -> None:
    found = told(spec)

    assert list(found) == [path]
    assert says in found[path]
    check(faults_of({"spec": yaml.safe_load(spec)}, TIER))  # it runs, though not as it was meant


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("{privileged: true}", "privileged"),
        ("{allowPrivilegeEscalation: true}", "allowPrivilegeEscalation"),
        ("{runAsUser: 0}", "runAsUser"),
        ("{runAsNonRoot: false}", "runAsNonRoot"),
        ("{capabilities: {add: [SYS_ADMIN]}}", "capabilities.add"),
        ("{seccompProfile: {type: Unconfined}}", "seccompProfile"),
    ],
)
def test_what_pod_security_refuses_of_a_container_is_said_before(said: str, where: str) -> None:
    found = container(f"{{image: a, securityContext: {said}}}")

    assert list(found) == [f"spec.templates[0].container.securityContext.{where}"]
    assert "Pod Security `restricted`" in next(iter(found.values()))


def test_what_pod_security_refuses_of_a_pod_is_said_before() -> None:
    found = told(
        f"{{entrypoint: main, {MAIN}, hostNetwork: true, volumes: [{{name: v, hostPath: {{}}}}]}}"
    )

    assert list(found) == ["spec.hostNetwork", "spec.volumes[0].hostPath"]


def test_a_container_beside_the_main_one_has_no_defaults_and_must_say_all_of_it() -> None:
    good = "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"
    bare = container("[{name: s, image: a}], suspend: {}", "sidecars")
    whole = container(f"[{{name: s, securityContext: {good}}}], suspend: {{}}", "sidecars")

    assert "allowPrivilegeEscalation: false" in bare["spec.templates[0].sidecars[0]"]
    assert whole == {}


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        ("{limits: {cpu: 64}}", "64 cpu is too much; a container may have at most 4 here"),
        ("{requests: {cpu: '4001m'}}", "at most 4 here"),
        ("{requests: {memory: 9Gi}}", "at most 8Gi here"),
        ("{limits: {cpu: 4}, requests: {cpu: 100m, memory: nonsense}}", ""),
    ],
)
def test_more_than_a_container_may_have_is_said_before(resources: str, says: str) -> None:
    found = container(f"{{image: a, resources: {resources}}}")

    assert bool(found) == bool(says)
    assert says in "".join(found.values())


def test_more_than_the_whole_quota_is_said_where_no_container_has_a_limit() -> None:
    tier = TierSpec("t", {"requests.cpu": "4"}, {}, {}, None, 1)
    template = {"name": "a", "container": {"resources": {"requests": {"cpu": 5}}}}

    (found,) = faults_of({"spec": {"entrypoint": "a", "templates": [template]}}, tier)

    assert "the quota of the whole namespace is 4" in found.sentence


@pytest.mark.parametrize(
    "spec",
    [
        None,
        [],
        {"templates": {"a": 1}, "entrypoint": ["x"]},
        {"templates": [1, {"steps": [1, [2, {"hooks": [1]}]], "dag": 1}], "arguments": 3},
        {"templates": [{"container": {"resources": {"limits": {"cpu": True, "x": []}}}}]},
        {"templates": [{"container": {"securityContext": 1, "ports": [1]}, "volumes": 2}]},
    ],
)
def test_what_is_no_workflow_at_all_breaks_nothing(spec: Any) -> None:
    assert isinstance(faults_of({"spec": spec}, TIER), tuple)


def test_a_name_as_long_as_a_book_takes_no_time_and_is_not_repeated_whole() -> None:
    book = "b" * 400_000
    template = {"name": "a", book: 1, "steps": [[{"name": "s", "template": book}]]}
    before = time.process_time()

    found = faults_of({"spec": {"entrypoint": book, book: 1, "templates": [template]}}, TIER)

    assert time.process_time() - before < 1
    assert len(found) == 4
    assert max(len(fault.sentence) for fault in found) < 200


def test_a_thousand_slips_are_not_told_one_by_one() -> None:
    spec = {f"tempaltes{n}": 1 for n in range(50_000)}

    assert len(faults_of({"spec": spec}, TIER)) == MOST
