"""The log of a step, followed by asking again."""

import re
from collections.abc import Iterator

import pytest

from controlplane.argo.logs import LIMIT_BYTES
from controlplane.argo.nodes import pod_of, read
from controlplane.kube.errors import refused
from controlplane.objects import Manifest, Ref
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import HTMX, signed_in
from tests.controlplane.console.workflows.stories import SCRIPT, page_of, stored, text_of
from tests.factories import (
    viewer_of,
)
from tests.fakes import FakeCluster
from tests.player import Player

pytestmark = pytest.mark.django_db


@pytest.fixture
def pod(payments: TenantNamespace, hello: Manifest, fake: FakeCluster) -> Iterator[str]:
    """A step's pod, and what its container said."""
    story = Player.on_fake(fake, "payments", "hello").begin().start("say")
    run = read(stored(fake))
    name = pod_of(run, run.nodes[story.id_of("say")])
    spec = {
        "nodeName": "n",
        "containers": [{"name": "wait"}, {"name": "main"}],
        "initContainers": [{"name": "init"}],
    }
    meta = {"name": name, "namespace": "payments"}
    fake.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    fake.said["payments", name, "main"] = (f"2026-01-01T00:00:01.5Z hi {SCRIPT}",)
    yield name
    story.end("say")


def log_of(namespace: TenantNamespace, rest: str = "") -> str:
    return page_of(namespace, rest=f"log/?node=hello-say{rest}")


def test_a_log_is_followed_from_where_it_was_left(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    client = signed_in(viewer_of(payments.team))

    first = text_of(client.get(log_of(payments), headers=HTMX))
    assert "hi &lt;script&gt;" in first
    assert "init" in first
    (further,) = re.findall(r'hx-get="([^"]+at=[^"]+)"', first)

    fake.said["payments", pod, "main"] += ("2026-01-01T00:00:02Z more",)
    second = text_of(client.get(further.replace("&amp;", "&"), headers=HTMX))

    assert "more" in second
    assert "hi " not in second
    assert "<section" not in second


def test_a_log_that_said_nothing_yet_is_followed_in_its_own_card(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    fake.said["payments", pod, "main"] = ()
    client = signed_in(viewer_of(payments.team))

    first = text_of(client.get(log_of(payments), headers=HTMX))
    further = re.findall(r'<span[^>]* hx-get="([^"]+)"', first)[0].replace("&amp;", "&")
    fake.said["payments", pod, "main"] = ("2026-01-01T00:00:02Z at last",)
    second = text_of(client.get(further, headers=HTMX))

    assert "at last" in second
    assert "<section" not in second


def test_a_cluster_that_falls_away_is_said_in_the_log_that_is_followed(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    client = signed_in(viewer_of(payments.team))
    first = text_of(client.get(log_of(payments), headers=HTMX))
    further = re.findall(r'<span[^>]* hx-get="([^"]+)"', first)[0].replace("&amp;", "&")
    fake.refusals["logs", "Pod"] = refused(503, {"message": "the node is away"})

    away = text_of(client.get(further, headers=HTMX))

    assert "the node is away" in away
    assert "<section" not in away
    assert "at=2026-01-01" in re.findall(r'hx-get="([^"]+)"', away)[0]


def test_following_ends_a_little_after_the_step_did(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    client = signed_in(viewer_of(payments.team))
    Player.on_fake(fake, "payments", "hello").begin().start("say").end("say")
    mark = "&at=2026-01-01T00:00:01.5Z&seen=1&drawn=1"

    going = text_of(client.get(log_of(payments, f"{mark}&quiet=0"), headers=HTMX))
    over = text_of(client.get(log_of(payments, f"{mark}&quiet=5"), headers=HTMX))

    assert "hx-get" in going
    assert "hx-get" not in over
    assert "end" in over


def test_other_containers_have_their_own_logs(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    fake.said["payments", pod, "init"] = ("2026-01-01T00:00:00Z prepared",)
    client = signed_in(viewer_of(payments.team))

    assert "prepared" in text_of(client.get(log_of(payments, "&container=init"), headers=HTMX))
    unknown = text_of(client.get(log_of(payments, "&container=../../x"), headers=HTMX))
    assert "hi &lt;script&gt;" in unknown


def test_a_poll_of_a_log_is_bounded(payments: TenantNamespace, fake: FakeCluster, pod: str) -> None:
    line = f"2026-01-01T00:00:01Z {'x' * 1000}"
    fake.said["payments", pod, "main"] = (line,) * 400

    answer = text_of(signed_in(viewer_of(payments.team)).get(log_of(payments), headers=HTMX))

    assert len(answer) < LIMIT_BYTES * 1.2


def test_a_log_is_a_page_of_its_own_without_javascript(payments: TenantNamespace, pod: str) -> None:
    page = text_of(signed_in(viewer_of(payments.team)).get(log_of(payments)))

    assert "<html" in page
    assert "Look again" in page


def test_where_nothing_ran_there_is_no_log_and_a_sentence(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    client = signed_in(viewer_of(payments.team))
    payments.cluster.simulated = True
    payments.cluster.save()
    fake.calls.clear()

    assert "no container ran" in text_of(client.get(log_of(payments), headers=HTMX))
    assert not [call for call in fake.calls if call.startswith("logs")]


def test_a_pod_that_is_gone_took_its_log_along(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    del fake.objects[Ref("v1", "Pod", "payments", pod)]
    client = signed_in(viewer_of(payments.team))

    assert "not there yet" in text_of(client.get(log_of(payments), headers=HTMX))
    Player.on_fake(fake, "payments", "hello").begin().start("say").end("say")
    assert "is gone" in text_of(client.get(log_of(payments), headers=HTMX))


def test_what_the_cluster_says_of_a_log_is_shown(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    fake.refusals["logs", "Pod"] = refused(400, {"message": "container is waiting to start"})

    answer = signed_in(viewer_of(payments.team)).get(log_of(payments), headers=HTMX)

    assert "waiting to start" in text_of(answer)


def test_an_address_is_carried_on_only_as_far_as_it_means_something(
    payments: TenantNamespace, hello: Manifest
) -> None:
    open_ = "".join(f"&open=k{at}" for at in range(900))
    path = page_of(payments, rest=f"?junk={'x' * 9000}&node={'y' * 9000}{open_}")

    answer = signed_in(viewer_of(payments.team)).get(path, headers=HTMX)

    assert answer.status_code == 200
    assert len(answer.content) < 60_000
    assert "junk" not in text_of(answer)
