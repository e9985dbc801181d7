"""Artifacts, violations and the admins' switches over REST."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from controlplane.policies import sightings
from controlplane.policies.models import Artifact
from controlplane.policies.sightings import Scanned
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)
from tests.images import DIGEST, NOW, REPOSITORY, envelope, sighting, signer

pytestmark = pytest.mark.django_db

ARTIFACTS, VIOLATIONS = "/api/v1/artifacts/", "/api/v1/violations/"
SWITCHES = ("roll-outs", "stand-downs", "signing-keys")


def pushed(team: Any, who: Any, **changed: Any) -> Any:
    wish = {"team": team.slug, "repository": REPOSITORY, "digest": DIGEST, **changed}
    return client_of(who).post(ARTIFACTS, wish, format="json")


def test_the_ci_pushes_and_its_team_sees_it() -> None:
    ana, team = signer(), TeamFactory()
    ana.known("ci")

    answer = pushed(team, member_of(team), envelope=envelope(ana))
    again = pushed(team, member_of(team), envelope=envelope(ana))

    assert (answer.status_code, answer.json()["key_ids"]) == (201, [ana.key_id])
    assert again.status_code == 201
    assert client_of(viewer_of(team)).get(ARTIFACTS).json()["count"] == 1
    assert Artifact.objects.count() == 1


def test_another_team_pushes_and_sees_nothing_of_it() -> None:
    ana, team = signer(), TeamFactory()
    ana.known("ci")
    artifact = pushed(team, member_of(team), envelope=envelope(ana)).json()
    stranger = owner_of(TeamFactory())

    answer = pushed(team, stranger, envelope=envelope(ana))

    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["team"])
    assert client_of(stranger).get(ARTIFACTS).json()["count"] == 0
    assert client_of(stranger).get(f"{ARTIFACTS}{artifact['id']}/").status_code == 404
    assert pushed(team, viewer_of(team), envelope=envelope(ana)).status_code == 403
    assert client_of().post(ARTIFACTS, {}, format="json").status_code == 401


def test_a_push_that_proves_nothing_is_a_400_with_its_reason() -> None:
    team = TeamFactory()

    answer = pushed(team, member_of(team), envelope=envelope(signer()))

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "not_verified")
    assert "envelope" in error["fields"]


def seen(namespace: Any, **changed: Any) -> None:
    sightings.record(
        cluster=namespace.cluster,
        now=NOW,
        sightings=[sighting(namespace.name, **changed), sighting("", kind="ClusterThing")],
        scanned=[Scanned(namespace.name, NOW, images=2)],
    )


def test_a_team_sees_its_own_violations_and_since_when_it_is_clean() -> None:
    here, other = NamespaceFactory(), NamespaceFactory()
    seen(here)
    seen(other, image="evil.example/other:1")
    client = client_of(viewer_of(here.team))

    shown = client.get(VIOLATIONS).json()["results"]
    scans = client.get(f"{VIOLATIONS}scans/").json()["results"]

    assert [(v["team"], v["namespace"]) for v in shown] == [(here.team.slug, here.name)]
    assert [(s["namespace"], s["clean_as_of"]) for s in scans] == [
        (here.name, NOW.isoformat().replace("+00:00", "Z"))
    ]
    assert client_of(approver()).get(VIOLATIONS).json()["count"] == 4
    assert client_of(PersonFactory()).get(VIOLATIONS).json()["count"] == 0
    assert client_of().get(VIOLATIONS).status_code == 401


def test_lists_ask_as_often_for_many_as_for_few(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(5):
        seen(NamespaceFactory())
    client = client_of(approver())

    for path in (VIOLATIONS, f"{VIOLATIONS}scans/"):
        with django_assert_num_queries(2):
            assert client.get(path).json()["count"] >= 5


def test_an_admin_switches_and_ends() -> None:
    client, team, cluster = client_of(platform_admin()), TeamFactory(), ClusterFactory()
    until = (timezone.now() + timedelta(hours=1)).isoformat()

    audit = {"team": team.slug, "mode": "audit", "reason": "first week"}
    rolled = client.post("/api/v1/roll-outs/", audit, format="json")
    down = client.post(
        "/api/v1/stand-downs/",
        {"cluster": cluster.name, "until": until, "reason": "it fails"},
        format="json",
    )
    ended = client.post(f"/api/v1/stand-downs/{down.json()['id']}/end/", {}, format="json")
    key = client.post("/api/v1/signing-keys/", {"name": "ci", "pem": signer().pem}, format="json")
    revoked = client.post(
        f"/api/v1/signing-keys/{key.json()['id']}/revoke/", {"reason": "gone"}, format="json"
    )

    codes = [answer.status_code for answer in (rolled, down, ended, key, revoked)]
    assert codes == [201, 201, 200, 201, 200]
    assert rolled.json()["mode"] == "audit"
    assert ended.json()["ended_at"]
    assert revoked.json()["revoked_because"] == "gone"


@pytest.mark.parametrize("name", SWITCHES)
def test_approvers_read_the_switches_and_nobody_else_sees_them(name: str) -> None:
    url = f"/api/v1/{name}/"

    assert client_of(approver()).get(url).status_code == 200
    assert client_of(approver()).post(url, {}, format="json").status_code == 403
    for person in (PersonFactory(), owner_of(TeamFactory())):
        assert client_of(person).get(url).status_code == 403
        assert client_of(person).post(url, {}, format="json").status_code == 403
    assert client_of().get(url).status_code == 401
