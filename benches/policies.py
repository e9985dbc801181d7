"""What the policies inside the API server cost a pod, at 500 teams with ten repositories: `make bench`.

Four ways to hold them, each against no policy in pairs within one run, on an API server of its own:
a policy per team with its rules inlined; one policy with a binding and a ConfigMap per team; one
policy with one ConfigMap of patterns; one with one ConfigMap of names; and as shipped, names inlined
in one policy. CPU is that of API server and etcd together. Prints JSON and keeps it.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benches.kept import keep
from controlplane.clusters import base_release
from controlplane.policies.compile.cluster import held
from controlplane.policies.document import Digest, Document, Repositories, Scope
from controlplane.policies.engines.api_server import ApiServer, connected
from controlplane.policies.engines.vap import path_of
from localcluster import clusters
from localcluster.home import Home
from localcluster.processes import Daemon
from tests.processes import cpu_seconds

TEAMS, REPOSITORIES, TEAM = 500, 10, "team-250"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CREATES, WIDTH = int(os.environ.get("BENCH_CREATES", "400")), 8
PINNED = "@sha256:" + "a" * 64
GOOD, BAD = f"harbor.acme.test/{TEAM}/api:1.2.3{PINNED}", f"evil.test/x:1{PINNED}"
API = "admissionregistration.k8s.io/v1"
SELECTOR = {"matchExpressions": [{"key": "argosy.dev/team", "operator": "Exists"}]}
IMAGES = (
    "object.spec.containers.map(c, c.?image.orValue('')) + "
    "object.spec.?initContainers.orValue([]).map(c, c.?image.orValue('')) + "
    "object.spec.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(''))"
)
LABEL = "namespaceObject.metadata.labels['argosy.dev/team']"

Manifest = dict[str, Any]


def teams() -> Iterator[str]:
    return (f"team-{number:03}" for number in range(TEAMS))


def repositories(team: str) -> list[str]:
    return [f"{team}/**", *(f"shared/{team}-{n}" for n in range(REPOSITORIES - 1))]


def pattern(team: str) -> str:
    part = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
    names = "|".join(name.replace("/**", f"(?:/{part})+") for name in repositories(team))
    return (
        rf"^harbor\.acme\.test/(?:{names})(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
        r"@sha256:[0-9a-f]{64}$"
    )


def nothing() -> Iterator[Manifest]:
    return iter(())


def a_policy_a_team() -> Iterator[Manifest]:
    for team in teams():
        written = pattern(team).replace("\\", "\\\\")
        where = {"matchLabels": {"argosy.dev/team": team}}
        yield policy(f"a-{team}", f"i.matches('{written}')", where=where)
        yield binding(f"a-{team}", f"a-{team}")


def a_configmap_a_team() -> Iterator[Manifest]:
    yield policy("b", "i.matches(params.data.allow)", params=True)
    for team in teams():
        yield config_map(f"b-{team}", {"allow": pattern(team)})
        where = {"matchLabels": {"argosy.dev/team": team}}
        yield binding(f"b-{team}", "b", params=f"b-{team}", where=where)


def one_configmap() -> Iterator[Manifest]:
    yield config_map("c", {team: pattern(team) for team in teams()})
    yield policy("c", f"i.matches(params.data[{LABEL}])", params=True)
    yield binding("c", "c", params="c")


def as_shipped() -> Iterator[Manifest]:
    documents = {
        team: Document(
            name=team,
            scopes=(
                Scope(
                    (team,), tuple(Repositories("harbor.acme.test", r) for r in repositories(team))
                ),
            ),
            digest=Digest(required=True),
        )
        for team in teams()
    }
    yield from held(documents, {team: team for team in documents}, client=None).policies


SHAPES: dict[str, Callable[[], Iterator[Manifest]]] = {
    "a policy a team": a_policy_a_team,
    "a binding and a ConfigMap a team": a_configmap_a_team,
    "one ConfigMap of patterns": one_configmap,
    "as shipped": as_shipped,
}


def main() -> None:
    # With a small aim its collector would be measured, not the policies.
    os.environ["ARGOSY_API_SERVER_MEMORY"] = "6GiB"
    home = Home(Path(tempfile.mkdtemp(prefix="argosy-bench-")))
    try:
        crds = base_release.crds()
        up = clusters.up("bench", node="simulated", home=home, durable=False, crds=crds)
        with connected(up.kubeconfig) as api:
            figures = measured(api, home)
    finally:
        clusters.down_all(home=home)
        shutil.rmtree(home.path, ignore_errors=True)
    keep("policies", figures)


def measured(api: ApiServer, home: Home) -> dict[str, Any]:
    prepare(api)
    folder = home.cluster("bench")
    for name in ("kwok", "kube-scheduler", "kube-controller-manager"):
        Daemon(folder, name).stop()
    running = [Daemon(folder, "kube-apiserver").running(), Daemon(home.etcd, "etcd").running()]
    pids = [each.pid for each in running if each]
    wanted = sys.argv[1:] or list(SHAPES)
    pairs: dict[str, list[dict[str, float]]] = {name: [] for name in wanted}
    for _ in range(ROUNDS):
        for name in wanted:
            without = creates(api, pids)
            pairs[name].append({**with_policies(api, pids, SHAPES[name]), "none ms": without})
    return {name: summary(rounds) for name, rounds in pairs.items()}


def summary(rounds: list[dict[str, float]]) -> dict[str, Any]:
    added = [each["ms"] - each["none ms"] for each in rounds]
    middle = {key: round(statistics.median(r[key] for r in rounds), 2) for key in rounds[0]}
    spread = [round(min(added), 2), round(max(added), 2)]
    return {**middle, "added ms": round(statistics.median(added), 2), "from, to": spread}


def with_policies(
    api: ApiServer, pids: list[int], shape: Callable[[], Iterator[Manifest]]
) -> dict[str, float]:
    manifests = list(shape())
    begun = time.perf_counter()
    with ThreadPoolExecutor(WIDTH) as pool:
        list(pool.map(lambda m: api.apply(path_of(m), m), manifests))
    applied = time.perf_counter()
    until(lambda: not tried(api, BAD) and tried(api, GOOD))
    acting = time.perf_counter()
    cost = creates(api, pids)
    resident = memory(pids[0])
    with ThreadPoolExecutor(WIDTH) as pool:
        list(pool.map(lambda m: api.call("DELETE", path_of(m)), reversed(manifests)))
    until(lambda: tried(api, BAD))
    return {"ms": cost, "applied s": applied - begun, "acting s": acting - applied, "MiB": resident}


def prepare(api: ApiServer) -> None:
    # Somebody always holds a policy with parameters: the API server then watches ConfigMaps.
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": TEAM, "labels": {"argosy.dev/team": TEAM}},
    }
    keeper = policy("keeper", "true", params=True, where={"matchLabels": {"none": "such"}})
    for manifest in (namespace, config_map("keeper", {}), keeper):
        api.apply(path_of(manifest), manifest)
    account = f"/api/v1/namespaces/{TEAM}/serviceaccounts/default"
    until(lambda: api.call("GET", account).taken)


def creates(api: ApiServer, pids: list[int]) -> float:
    """Milliseconds of CPU for one pod, after some that are not counted."""
    path, body = f"/api/v1/namespaces/{TEAM}/pods", pod(GOOD)

    def make(count: int) -> None:
        with ThreadPoolExecutor(WIDTH) as pool:
            said = pool.map(lambda _: api.call("POST", path, body).taken, range(count))
            assert all(said)

    make(CREATES // 4)
    before = sum(map(cpu_seconds, pids))
    make(CREATES)
    spent = (sum(map(cpu_seconds, pids)) - before) * 1000
    while api.call("GET", f"{path}?limit=1").body.get("items"):
        api.call("DELETE", f"{path}?limit=200", {"gracePeriodSeconds": 0})
    return spent / CREATES


def tried(api: ApiServer, image: str) -> bool:
    return api.call("POST", f"/api/v1/namespaces/{TEAM}/pods", pod(image), dry_run=True).taken


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def pod(image: str) -> Manifest:
    env = [{"name": f"V{n}", "value": "x" * 40} for n in range(10)]
    containers = [{"name": name, "image": image, "env": env} for name in ("a", "b", "c")]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "p-", "namespace": TEAM},
        "spec": {"containers": containers, "automountServiceAccountToken": False},
    }


def policy(
    name: str, holds: str, *, params: bool = False, where: Manifest | None = None
) -> Manifest:
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["pods"],
    }
    spec: Manifest = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule], "namespaceSelector": where or SELECTOR},
        "variables": [{"name": "images", "expression": IMAGES}],
        "validations": [{"expression": f"variables.images.all(i, {holds})"}],
    }
    if params:
        spec["paramKind"] = {"apiVersion": "v1", "kind": "ConfigMap"}
    return {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def binding(name: str, of: str, *, params: str = "", where: Manifest | None = None) -> Manifest:
    spec: Manifest = {"policyName": of, "validationActions": ["Deny"]}
    if params:
        spec["paramRef"] = {
            "name": params,
            "namespace": "default",
            "parameterNotFoundAction": "Deny",
        }
    if where:
        spec["matchResources"] = {"namespaceSelector": where}
    return {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": spec,
    }


def config_map(name: str, data: dict[str, str]) -> Manifest:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


if __name__ == "__main__":
    main()
