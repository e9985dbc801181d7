"""Pods whose images are nearly of the plain form, on a real API server beside the library, one by one.

What the API server sees at a glance it does not take apart: a glance that says yes too often is a way in.
"""

import random

import pytest
from msgspec.structs import replace

from controlplane.policies import engines
from controlplane.policies.cases import Case
from controlplane.policies.document import Digest, Document, Repositories, Scope
from controlplane.policies.engines.comparing import Outcome, compare
from localcluster.clusters import RunningCluster

pytestmark = pytest.mark.cluster

COUNT = 400
DIGEST = f"sha256:{'a' * 64}"
# Half of them may run; each of the others is one step away from one that may.
NAMES = (
    "harbor.acme.test/payments/api", "harbor.acme.test/payments/deep/er/api",
    "harbor.acme.test/base/python", "docker.io/library/busybox", "quay.io/argoproj/argoexec",
    "harbor.acme.test/payments", "harbor.acme.test/paymentsx/api", "harbor.acme.test/base/pythonx",
    "harbor.acme.test/base/python/more", "harbor.acme.test.evil.test/payments/api",
    "evil.test/harbor.acme.test/payments/api", "harbor.acme.test:443/payments/api",
    "harbor.acme.test:5000/payments/api", "HARBOR.acme.test/payments/api", "busybox", "docker.io/busybox",
    "index.docker.io/library/busybox", "registry-1.docker.io/library/busybox", "localhost/payments/api",
    "harbor.acme.test/payments//api", "harbor.acme.test/payments/../base/api",
    "harbor.acme.test/payments/api.",
    "harbor.acme.test/payments/a__b", "harbor.acme.test/payments/a---b", "harbor.acme.test/payments/_api",
    "harbor.acme.test/Payments/api", "harbor.acme.test/payments/api\n", "!", "!/!", "", " ",
    f"harbor.acme.test/payments/{'a' * 250}",
)  # fmt: skip
TAGS = ("", ":1.2", ":latest", f":{'v' * 65}", f":{'v' * 129}", ":", ":1:2", ":1@x")
DIGESTS = (
    f"@{DIGEST}", f"@{DIGEST}", f"@{DIGEST}", "", f"@{DIGEST}0", f"@{DIGEST[:-1]}", f"@{DIGEST.upper()}",
    f"@{DIGEST}@{DIGEST}", f"@{DIGEST}\t", f"@{DIGEST}\n", f"@sha512:{'a' * 128}", "@sha256:",
)  # fmt: skip
ALLOWED = (
    Repositories("harbor.acme.test", "payments/**"),
    Repositories("harbor.acme.test", "base/python"),
    Repositories("docker.io", "library/busybox"),
    Repositories("quay.io"),
)
POLICIES = (
    Document(digest=Digest(required=True), scopes=(Scope(("team",), ALLOWED),)),
    Document(
        digest=Digest(required=True),
        scopes=(Scope(("team",), ALLOWED),),
        deny=(Repositories("harbor.acme.test", "payments/deep/**"),),
    ),
    Document(default="allow", digest=Digest(required=True)),
)


def pods(count: int) -> list[Case]:
    """Pods of up to three images, in every place a pod has for one."""
    drawn = random.Random(20)

    def image() -> str:
        plain = drawn.random() < 0.6
        name = drawn.choice(NAMES[:5] if plain else NAMES)
        return (
            name
            + drawn.choice(TAGS[:2] if plain else TAGS)
            + drawn.choice(DIGESTS[: 3 if plain else None])
        )

    def pod(number: int) -> Case:
        spec = {
            "containers": [{"name": f"c{n}", "image": image()} for n in range(drawn.randint(1, 2))],
            "initContainers": [
                {"name": f"i{n}", "image": image()} for n in range(drawn.randint(0, 1))
            ],
            "volumes": [
                {"name": "v", "image": {"reference": image()}}
                if drawn.random() < 0.3
                else {"name": "v", "emptyDir": {}}
            ],
        }
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
        policy = POLICIES[number % len(POLICIES)]
        return Case(
            id=f"glance-{number}", policy=policy, expect="allow", object=manifest, namespace="team"
        )

    return [pod(number) for number in range(count)]


@pytest.fixture(scope="module")
def judged(bare_cluster: RunningCluster):
    made = pods(COUNT)
    with engines.opened(engines.Name.LIBRARY, made) as library:
        said = [library.judge(case) for case in made]
    wanted = [
        replace(case, expect="allow" if answer.allowed else "deny")
        for case, answer in zip(made, said, strict=True)
    ]
    with engines.opened(engines.Name.VAP, wanted, bare_cluster.kubeconfig) as api_server:
        return [(case, compare(case, api_server.judge(case))) for case in wanted]


def test_the_api_server_and_the_library_agree_about_every_pod(judged):
    differing = [
        (line.said, case.object) for case, line in judged if line.outcome is Outcome.DIFFERS
    ]

    assert differing == []


def test_enough_of_them_may_run_and_enough_may_not(judged):
    """Else the agreement would say nothing."""
    decided = [case.expect for case, line in judged if line.outcome is Outcome.SAME]

    assert decided.count("allow") > COUNT / 8
    assert decided.count("deny") > COUNT / 4
