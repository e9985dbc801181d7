"""What a verdict costs in a warm process: a reference, a pod, a Workflow of 60 KB, a loaded policy.

Medians with the middle half, over batches; every batch reads references it never saw before, so
that no cache of names helps. The time is the process's own: others on the machine do not count.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from controlplane.policies import document
from controlplane.policies.decide import decide
from controlplane.policies.document import Document
from controlplane.policies.holding import Policy
from controlplane.policies.places import ARGO
from controlplane.policies.references import NotAReference, parse
from controlplane.policies.verdict import Question

BATCHES = 41
DIGEST = "sha256:" + "3b4c1a0d9e8f7a6b" * 4
TEAMS, REPOSITORIES = 500, 10


def main() -> None:
    """Print each figure beside its goal."""
    policy = team(0)
    figure("a reference, read", parsed, 1000, goal=2.0)
    figure("a reference, refused", refused, 1000)
    figure("a pod with 4 images", pods(policy), 50)
    size, workflows = workflows_of(policy)
    print(f"   a Workflow has {size / 1000:.0f} kB")
    figure("a Workflow with 44 images", workflows, 5, goal=300.0)
    figure("its controller's update of the status", updates(policy), 5)
    figure("one team's policy of 10 repositories, made ready", lambda n: ready(n, policy), 20)
    print(f"{TEAMS} policies of {REPOSITORIES} repositories: {all_teams():.0f} ms in all")


def figure(
    what: str, run: Callable[[int], Callable[[], None]], size: int, goal: float | None = None
) -> None:
    """Median microseconds of one, out of batches of `size`."""
    run(0)()
    taken = sorted(measured(run(batch + 1)) / size for batch in range(BATCHES))
    low, middle, high = statistics.quantiles(taken, n=4)
    beside = f"   goal {goal:g}" if goal is not None else ""
    print(f"{what:<52} {middle:8.2f} µs ({low:.2f} to {high:.2f}){beside}")


def measured(run: Callable[[], None]) -> float:
    """Microseconds of processor time."""
    started = time.process_time_ns()
    run()
    return (time.process_time_ns() - started) / 1000


def team(number: int) -> Document:
    """A team's policy: ten repositories, digests, no latest."""
    allow = [
        {"registry": "harbor.acme.test", "repository": f"team-{number}/part-{n}/**"}
        for n in range(REPOSITORIES)
    ]
    return document.read(
        {
            "name": f"team-{number}",
            "scopes": [{"namespaces": [f"team-{number}"], "allow": allow}],
            "tags": {"forbid": ["latest"]},
            "digest": {"required": True},
        }
    )


def image(batch: int, number: int) -> str:
    """An image that no batch before this one named."""
    return f"harbor.acme.test/team-0/part-{number % 10}/image-{batch}-{number}:1.2@{DIGEST}"


def parsed(batch: int) -> Callable[[], None]:
    texts = [image(batch, n) for n in range(1000)]

    def run() -> None:
        for text in texts:
            parse(text)

    return run


def refused(batch: int) -> Callable[[], None]:
    texts = [f"harbor.acme.test/team-0//image-{batch}-{n}" for n in range(1000)]

    def run() -> None:
        for text in texts:
            try:
                parse(text)
            except NotAReference:
                continue

    return run


def pods(policy: Document) -> Callable[[int], Callable[[], None]]:
    def of_batch(batch: int) -> Callable[[], None]:
        manifests = [pod([image(batch, n * 4 + m) for m in range(4)]) for n in range(50)]
        return lambda: judge("", "Pod", manifests, policy)

    return of_batch


def pod(images: Sequence[str]) -> dict[str, Any]:
    containers = [{"name": f"c{n}", "image": one} for n, one in enumerate(images)]
    return {"metadata": {"name": "p"}, "spec": {"containers": containers}}


def workflow(batch: int, number: int) -> dict[str, Any]:
    """Forty-four templates, each with as much beside its image as fills 60 KB."""
    templates = [
        {
            "name": f"step-{n}",
            "inputs": {"parameters": [{"name": f"p{m}"} for m in range(6)]},
            "outputs": {"artifacts": [{"name": "out", "path": "/out", "archive": {"none": {}}}]},
            "container": {
                "image": image(batch, number * 44 + n),
                "command": ["python", "-c"],
                "args": ["print('x')\n" * 50],
                "env": [{"name": f"E{m}", "value": "v" * 20} for m in range(6)],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
            },
        }
        for n in range(44)
    ]
    spec = {"entrypoint": "step-0", "templates": templates}
    return {"metadata": {"name": "w"}, "spec": spec}


def workflows_of(policy: Document) -> tuple[int, Callable[[int], Callable[[], None]]]:
    def of_batch(batch: int) -> Callable[[], None]:
        # Through JSON, as they come: texts of their own, nothing shared.
        manifests = [json.loads(json.dumps(workflow(batch, n))) for n in range(5)]
        return lambda: judge(ARGO, "Workflow", manifests, policy)

    return len(json.dumps(workflow(0, 0))), of_batch


def updates(policy: Document) -> Callable[[int], Callable[[], None]]:
    def of_batch(batch: int) -> Callable[[], None]:
        before = [json.loads(json.dumps(workflow(batch, n))) for n in range(5)]
        after = [{**old, "status": {"phase": "Running"}} for old in before]

        def run() -> None:
            for old, new in zip(before, after, strict=True):
                assert decide(
                    Question(ARGO, "Workflow", "UPDATE", new, old, namespace="team-0"), policy
                ).allowed

        return run

    return of_batch


def judge(group: str, kind: str, manifests: Sequence[dict[str, Any]], policy: Document) -> None:
    for manifest in manifests:
        question = Question(group, kind, "CREATE", manifest, namespace="team-0")
        assert decide(question, policy).allowed


def ready(_: int, policy: Document) -> Callable[[], None]:
    def run() -> None:
        for _ in range(20):
            Policy(policy)

    return run


def all_teams() -> float:
    """Milliseconds to make every team's policy ready."""
    documents = [team(n) for n in range(TEAMS)]
    started = time.process_time_ns()
    kept = [Policy(one) for one in documents]
    taken = (time.process_time_ns() - started) / 1_000_000
    assert len(kept) == TEAMS
    return taken


if __name__ == "__main__":
    main()
