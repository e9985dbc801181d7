"""What an agent asks and says, with its own token alone and about its own cluster alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from controlplane.clusters.models import Cluster
from controlplane.identity.tokens import issue
from controlplane.policies import agents, bundle
from controlplane.policies.models import AgentToken, Violation
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
    approver,
    owner_of,
    platform_admin,
)
from tests.images import FOREIGN, HARBOR, envelope, policy, signer

pytestmark = pytest.mark.django_db

AGENTS = "/api/v1/agents/"
PATHS = (("get", "bundle/"), ("get", "facts/"), ("post", "sightings/"), ("post", "token/"))


def bearing(plain: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    return client


def agent_of(cluster: Cluster) -> APIClient:
    return bearing(agents.issue(cluster)[1])


def seen(namespace: str, **changed: Any) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "kind": "Pod",
        "name": "hello",
        "path": "spec.containers[0].image",
        "container": "main",
        "image": FOREIGN,
        "code": "not-allowed",
        "reason": "no rule allows it",
        "state": "refused",
        "source": "event",
        "at": timezone.now().isoformat(),
        **changed,
    }


def test_an_agent_gets_its_clusters_bundle_and_believes_it_by_the_key_it_was_given() -> None:
    here, other = NamespaceFactory(), NamespaceFactory()
    answer = client_of(platform_admin()).post(AGENTS, {"cluster": here.cluster.name}, format="json")
    given = answer.json()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")

    told = bearing(given["token"]).get(f"{AGENTS}bundle/")

    keys = bundle.read_keys(given["bundle_key"].encode())
    opened = bundle.open_sealed(told.content, keys, cluster=here.cluster.name)
    assert here.name in opened.namespaces
    assert other.name not in opened.namespaces


def test_a_bundle_it_has_is_not_sent_again(
    django_assert_max_num_queries: Any,
) -> None:
    here = NamespaceFactory()
    client = agent_of(here.cluster)
    first = client.get(f"{AGENTS}bundle/")

    with django_assert_max_num_queries(13):
        same = client.get(f"{AGENTS}bundle/", HTTP_IF_NONE_MATCH=first.headers["ETag"])
    policy(allow=[HARBOR])
    news = client.get(f"{AGENTS}bundle/", HTTP_IF_NONE_MATCH=first.headers["ETag"])

    assert (same.status_code, same.content, same.headers["ETag"]) == (
        304,
        b"",
        first.headers["ETag"],
    )
    assert news.status_code == 200
    assert AgentToken.objects.get().bundle_version == 1


def test_facts_come_from_where_the_agent_is() -> None:
    ana, here = signer(), NamespaceFactory()
    ana.known("ci")
    wish = {
        "team": here.team.slug,
        "repository": "harbor.corp.example/payments/api",
        "digest": "sha256:" + "a" * 64,
        "envelope": envelope(ana),
    }
    pushed = client_of(owner_of(here.team)).post("/api/v1/artifacts/", wish, format="json")
    assert pushed.status_code == 201, pushed.json()
    client = agent_of(here.cluster)
    keys = bundle.read_keys(_bundle_key().encode())

    whole = bundle.open_facts(client.get(f"{AGENTS}facts/").content, keys)
    rest = bundle.open_facts(client.get(f"{AGENTS}facts/", {"since": whole.version}).content, keys)

    assert [fact.key_ids for fact in whole.facts] == [(ana.key_id,)]
    assert rest.facts == ()


@pytest.mark.parametrize("since", ["-1", "x", str(2**80)])
def test_a_since_that_is_no_version_is_a_400(since: str) -> None:
    assert agent_of(ClusterFactory()).get(f"{AGENTS}facts/", {"since": since}).status_code == 400


def test_what_it_saw_is_kept_for_its_team() -> None:
    here = NamespaceFactory()
    at = timezone.now().isoformat()
    post = {
        "sightings": [seen(here.name), seen("kube-system")],
        "scanned": [{"namespace": here.name, "at": at, "images": 1}],
        "admitted": [{"namespace": here.name, "image": FOREIGN, "at": at}],
    }
    client = agent_of(here.cluster)

    answer = client.post(f"{AGENTS}sightings/", post, format="json")
    again = client.post(f"{AGENTS}sightings/", post, format="json")

    assert answer.json() == {"new": 1, "known": 0, "foreign": 1, "dropped": 0}
    assert again.json() == {"new": 0, "known": 1, "foreign": 1, "dropped": 0}
    shown = client_of(owner_of(here.team)).get("/api/v1/violations/").json()["results"]
    assert [(v["image"], v["count"], v["state"]) for v in shown] == [(FOREIGN, 1, "refused")]


def test_an_agent_says_nothing_of_another_cluster() -> None:
    theirs = NamespaceFactory()

    answer = agent_of(ClusterFactory()).post(
        f"{AGENTS}sightings/", {"sightings": [seen(theirs.name)]}, format="json"
    )

    assert answer.json()["foreign"] == 1
    assert not Violation.objects.exists()


def test_a_name_that_is_too_long_is_cut_and_spoils_nothing() -> None:
    here = NamespaceFactory()
    long = seen(here.name, image="x" * 5000, path="p" * 5000, reason="r\0" * 5000, container="")

    answer = agent_of(here.cluster).post(
        f"{AGENTS}sightings/", {"sightings": [long]}, format="json"
    )

    assert answer.json()["new"] == 1
    row = Violation.objects.get()
    assert (len(row.image), len(row.path), len(row.reason)) == (512, 300, 1000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sightings": [{"kind": "Pod"}]},
        {"sightings": "none"},
        {"sightings": [seen("x", state="gone")]},
        {"sightings": [seen("x", source="rumour")]},
        {"sightings": [seen("x")] * 1001},
    ],
)
def test_what_is_no_post_is_a_400(wrong: dict[str, Any]) -> None:
    answer = agent_of(ClusterFactory()).post(f"{AGENTS}sightings/", wrong, format="json")

    assert answer.status_code == 400


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_only_an_agents_token_opens_what_is_for_agents(method: str, path: str) -> None:
    _, persons = issue(user=platform_admin(), name="laptop")

    for client in (client_of(), bearing(persons), bearing("argosy_agent_wrong"), bearing("")):
        assert getattr(client, method)(AGENTS + path).status_code == 401


def test_an_agents_token_opens_nothing_else() -> None:
    client = agent_of(NamespaceFactory().cluster)

    for path in ("me/", "teams/", "policies/", "violations/", "clusters/"):
        assert client.get(f"/api/v1/{path}").status_code == 401
    assert client.post(AGENTS, {}, format="json").status_code == 401


@pytest.mark.parametrize("who", [approver, lambda: owner_of(TeamFactory())])
def test_only_admins_make_agents(who: Any) -> None:
    wish = {"cluster": ClusterFactory().name}

    assert client_of(who()).post(AGENTS, wish, format="json").status_code == 403


def test_a_replica_with_the_old_token_is_not_turned_away_when_another_uses_the_next() -> None:
    first = agent_of(ClusterFactory())
    second = bearing(first.post(f"{AGENTS}token/").json()["token"])

    assert second.get(f"{AGENTS}bundle/").status_code == 200
    assert first.get(f"{AGENTS}bundle/").status_code == 200
    AgentToken.objects.exclude(ends_at=None).update(ends_at=timezone.now())

    assert first.get(f"{AGENTS}bundle/").status_code == 401
    assert second.get(f"{AGENTS}bundle/").status_code == 200


def test_the_old_token_ends_a_while_after_the_next_was_first_used_however_often_it_is() -> None:
    cluster, now, minute = ClusterFactory(), timezone.now(), timedelta(minutes=1)
    first, second = (agents.issue(cluster)[1] for _ in range(2))
    assert agents.known(first, now=now + timedelta(days=9))  # nobody has the next yet

    for minutes in (0, 5, 14):
        assert agents.known(second, now=now + minutes * minute)

    assert agents.known(first, now=now + agents.OVERLAP - minute)
    assert agents.known(first, now=now + agents.OVERLAP) is None
    assert agents.known(second, now=now + agents.OVERLAP)


def test_a_token_that_leaked_ends_at_once_when_two_are_made_after_it() -> None:
    cluster, now = ClusterFactory(), timezone.now()
    leaked, _, new = (agents.issue(cluster)[1] for _ in range(3))

    assert agents.known(leaked, now=now) is None
    assert agents.known(new, now=now)


def test_asking_for_tokens_over_and_over_leaves_no_pile() -> None:
    cluster = ClusterFactory()
    client = agent_of(cluster)

    for _ in range(4):
        client.post(f"{AGENTS}token/")

    assert AgentToken.objects.filter(cluster=cluster).count() <= 2


def test_no_token_is_kept_in_the_open() -> None:
    token, plain = agents.issue(ClusterFactory())

    assert plain not in str(AgentToken.objects.values().get(pk=token.pk))
    assert agents.end(token.cluster) == 1
    assert agents.known(plain, now=timezone.now() + timedelta(seconds=1)) is None


def _bundle_key() -> str:
    given = client_of(platform_admin()).post(
        AGENTS, {"cluster": ClusterFactory().name}, format="json"
    )
    key: str = given.json()["bundle_key"]
    return key
