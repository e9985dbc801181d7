"""Kubeconfigs and explanations by the API, the terminal and the console: one's own, and nobody else's."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from controlplane.access import services
from controlplane.access.models import Kubeconfig
from controlplane.cli import client as cli_client
from controlplane.identity.models import User
from tenants.levels import Act
from tenants.models import Team, TenantNamespace
from tests.controlplane.api.conftest import client_of
from tests.controlplane.cli.runner import run
from tests.factories import (
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db

KUBECONFIGS = "/api/v1/kubeconfigs/"


def page_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def mine(team: Team, fake: FakeCluster) -> services.Issued:
    """One that a member has."""
    return services.issue(user=member_of(team), cluster="eu", now=timezone.now())


def owner(issued: services.Issued) -> User:
    user = issued.row.account.user
    assert user is not None
    return user


class TestTheApi:
    def test_gives_it_once_and_lists_it_without_itself(self, team: Team, fake: FakeCluster) -> None:
        api = client_of(viewer_of(team))

        given = api.post(KUBECONFIGS, {"cluster": "eu", "minutes": 10}, format="json")
        listed = api.get(KUBECONFIGS)

        assert given.status_code == 201
        assert given.data["token"] in given.data["kubeconfig"]
        assert [row["id"] for row in listed.data["results"]] == [given.data["id"]]
        assert given.data["token"] not in listed.content.decode()
        assert listed.data["results"][0]["stands"].startswith("Good until")

    def test_gives_none_to_who_has_no_level_there(self, team: Team, fake: FakeCluster) -> None:
        answer = client_of(owner_of(TeamFactory())).post(
            KUBECONFIGS, {"cluster": "eu"}, format="json"
        )

        assert answer.status_code == 403
        assert "would open nothing there" in answer.data["error"]["sentence"]

    def test_gives_none_to_nobody(self, team: Team, fake: FakeCluster) -> None:
        assert client_of().post(KUBECONFIGS, {"cluster": "eu"}, format="json").status_code == 401

    @pytest.mark.parametrize("minutes", [0, 9, 61, "soon"])
    def test_refuses_a_time_that_is_not_given(
        self, team: Team, fake: FakeCluster, minutes: object
    ) -> None:
        asked = {"cluster": "eu", "minutes": minutes}
        answer = client_of(viewer_of(team)).post(KUBECONFIGS, asked, format="json")

        assert answer.status_code == 400
        assert "minutes" in answer.data["error"]["fields"]

    def test_does_not_show_one_to_another_of_the_team_nor_lets_them_take_it_back(
        self, mine: services.Issued, team: Team
    ) -> None:
        for other in (member_of(team), owner_of(team), owner_of(TeamFactory())):
            api = client_of(other)
            assert api.get(KUBECONFIGS).data["results"] == []
            assert api.get(f"{KUBECONFIGS}{mine.row.pk}/").status_code == 404
            assert api.post(f"{KUBECONFIGS}{mine.row.pk}/revoke/").status_code == 404

    def test_lets_its_person_and_an_admin_take_it_back_and_an_approver_only_look(
        self, mine: services.Issued
    ) -> None:
        path = f"{KUBECONFIGS}{mine.row.pk}/"
        assert client_of(approver()).get(path).status_code == 200
        assert client_of(approver()).post(f"{path}revoke/").status_code == 403

        answer = client_of(platform_admin()).post(f"{path}revoke/")

        assert (answer.status_code, answer.data["gone_at"] is None) == (200, False)
        assert client_of(owner(mine)).post(f"{path}revoke/").status_code == 200

    def test_says_when_what_cannot_be_taken_back_ends(
        self, mine: services.Issued, fake: FakeCluster
    ) -> None:
        fake.unreachable = True

        answer = client_of(owner(mine)).post(f"{KUBECONFIGS}{mine.row.pk}/revoke/")

        ends = f"{mine.row.expires_at:%H:%M} UTC"
        assert f"cannot be revoked before {ends}" in answer.data["stands"]

    def test_answers_503_and_gives_nothing_where_the_cluster_is_away(
        self, team: Team, fake: FakeCluster
    ) -> None:
        fake.unreachable = True

        answer = client_of(viewer_of(team)).post(KUBECONFIGS, {"cluster": "eu"}, format="json")

        assert answer.status_code == 503
        assert not Kubeconfig.objects.good(timezone.now()).exists()


def explained(namespace: TenantNamespace, user: User, **asked: str) -> dict[str, object]:
    answer = client_of(user).get(f"/api/v1/namespaces/{namespace.pk}/access/", asked)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


class TestTheExplanation:
    def test_goes_from_the_group_to_the_rule(self, payments: TenantNamespace) -> None:
        person = member_of(payments.team)

        found = explained(payments, person)

        assert found["allowed"] is True
        links = {step["link"]: step["sentence"] for step in found["steps"]}
        assert list(links) == ["group", "level", "binding", "rule"]
        assert "payments-members" in links["group"]
        assert "members, who may" in links["level"]
        assert "argo-member" in links["binding"]
        assert links["rule"].startswith("The Role argosy-member in payments says: create")

    def test_ends_at_the_link_that_breaks_with_the_way_out(self, payments: TenantNamespace) -> None:
        found = explained(payments, viewer_of(payments.team))

        assert found["allowed"] is False
        last = found["steps"][-1]
        assert (last["link"], last["holds"]) == ("level", False)
        assert "owners (payments-owners) and members (payments-members)" in last["sentence"]

    def test_says_the_groups_to_who_brings_none(self, payments: TenantNamespace) -> None:
        found = explained(payments, approver(), act="see")

        (only,) = found["steps"]
        assert "brings no group" in only["sentence"]
        assert "payments-viewers (viewers)" in only["sentence"]

    def test_of_somebody_else_is_for_owners_and_the_platform(
        self, payments: TenantNamespace
    ) -> None:
        other = member_of(payments.team)
        path = f"/api/v1/namespaces/{payments.pk}/access/"

        for who in (owner_of(payments.team), approver()):
            assert explained(payments, who, person=other.username)["allowed"] is True
        refused = client_of(viewer_of(payments.team)).get(path, {"person": other.username})
        assert refused.status_code == 403

    def test_does_not_tell_a_stranger_from_a_name_that_nobody_has(
        self, payments: TenantNamespace
    ) -> None:
        asking, stranger = owner_of(payments.team), PersonFactory()

        known = explained(payments, asking, person=stranger.username)
        unknown = explained(payments, asking, person="nobody-at-all")

        said = json.dumps(known).replace(stranger.username, "X")
        assert said == json.dumps(unknown).replace("nobody-at-all", "X")

    def test_is_not_there_for_another_team(self, payments: TenantNamespace) -> None:
        stranger = owner_of(TeamFactory())

        path = f"/api/v1/namespaces/{payments.pk}/access/"
        assert client_of(stranger).get(path).status_code == 404
        assert page_of(stranger).get(f"/namespaces/{payments.pk}/access/").status_code == 404

    @pytest.mark.parametrize("act", Act)
    def test_of_every_act_ends_at_a_rule_or_says_that_no_cluster_has_one(
        self, payments: TenantNamespace, act: Act
    ) -> None:
        found = explained(payments, owner_of(payments.team), act=act)

        assert found["allowed"] is True
        last = found["steps"][-1]["sentence"]
        if act in {Act.FILE_REQUESTS, Act.KEEP_SECRETS, Act.KEEP_TOKENS}:
            assert "platform's own business" in last
        else:
            assert re.search(r"The Role argosy-\w+ in payments says: \w+.* on \w+", last)


class TestTheConsole:
    def test_gives_a_file_that_no_cache_keeps(self, team: Team, fake: FakeCluster) -> None:
        page = page_of(viewer_of(team))

        answer = page.post("/kubeconfigs/", {"cluster": "eu", "minutes": "10", "as": "file"})

        assert answer.headers["Content-Disposition"] == 'attachment; filename="eu.yaml"'
        assert "no-store" in answer.headers["Cache-Control"]
        assert yaml.safe_load(answer.content)["current-context"] == "eu/payments"

    def test_shows_one_once(self, team: Team, fake: FakeCluster) -> None:
        page = page_of(viewer_of(team))

        shown = page.post("/kubeconfigs/", {"cluster": "eu", "minutes": "10", "as": "page"})

        assert "token-of-person-" in shown.content.decode()
        again = page.get("/kubeconfigs/").content.decode()
        assert "token-of-person-" not in again
        assert "Good until" in again

    def test_takes_back_ones_own_and_nobody_elses(self, mine: services.Issued, team: Team) -> None:
        path = f"/kubeconfigs/{mine.row.pk}/revoke/"

        assert page_of(platform_admin()).post(path).status_code == 404
        assert page_of(member_of(team)).post(path).status_code == 404
        assert page_of(owner(mine)).get(path).status_code == 405
        assert page_of(owner(mine)).post(path).status_code == 302
        assert Kubeconfig.objects.get().gone_at is not None

    @pytest.mark.parametrize("cluster", ["mars", 'eu"; filename="x', ""])
    def test_refuses_a_cluster_that_is_not_ones_own_in_a_sentence(
        self, team: Team, fake: FakeCluster, cluster: str
    ) -> None:
        sent = {"cluster": cluster, "minutes": "10", "as": "file"}
        answer = page_of(viewer_of(team)).post("/kubeconfigs/", sent)

        assert answer.status_code == 403
        assert "You have no level in a namespace" in answer.content.decode()

    def test_says_so_to_who_has_no_level_anywhere(self, db: None) -> None:
        said = page_of(PersonFactory()).get("/kubeconfigs/").content.decode()

        assert "You have no level in a namespace on any cluster" in said

    def test_explains_on_a_page(self, payments: TenantNamespace) -> None:
        path = f"/namespaces/{payments.pk}/access/"

        said = page_of(viewer_of(payments.team)).get(path).content.decode()
        assert "may not submit workflows." in said
        refused = page_of(viewer_of(payments.team)).get(path, {"person": "ada"})
        assert (refused.status_code, "told to its owners" in refused.content.decode()) == (
            403,
            True,
        )


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, team: Team, fake: FakeCluster
) -> Callable[..., str]:
    """What a viewer types, answered by the API in this process."""
    api = client_of(viewer_of(team))

    class Here(cli_client.Client):
        def _call(self, method: str, path: str, **said: object) -> cli_client.Answer:
            data = said.get("body") or said.get("query")
            asked = getattr(api, method.lower())
            answer = asked(f"/api/v1/{path}", data, format="json" if method == "POST" else None)
            document: cli_client.Answer = json.loads(answer.content)
            if answer.status_code >= 400:
                raise cli_client.ApiError(document["error"]["sentence"])
            return document

    monkeypatch.setattr(cli_client, "signed_in", lambda: Here("http://here", "argosy_x"))
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path))

    def say(*words: str, fails: bool = False) -> str:
        answer = run(*words)
        assert (answer.exit_code != 0) is fails, answer.output
        return str(answer.output)

    return say


class TestTheTerminal:
    def test_writes_a_kubeconfig_for_its_owner_only(
        self, typed: Callable[..., str], tmp_path: Path
    ) -> None:
        path = tmp_path / "eu.yaml"

        assert "good until" in typed("kubeconfig", "new", "eu", "--to", str(path))

        assert path.stat().st_mode & 0o777 == 0o600
        assert yaml.safe_load(path.read_text())["current-context"] == "eu/payments"

    def test_says_a_token_as_kubectl_reads_it_and_keeps_it_until_it_ends(
        self, typed: Callable[..., str], tmp_path: Path
    ) -> None:
        first, second = json.loads(typed("token", "eu")), json.loads(typed("token", "eu"))

        assert first == second
        assert first["kind"] == "ExecCredential"
        assert first["status"]["expirationTimestamp"].endswith("Z")
        assert Kubeconfig.objects.count() == 1
        (kept,) = (tmp_path / "tokens").iterdir()
        assert kept.stat().st_mode & 0o777 == 0o600

        said = json.loads(kept.read_text())
        soon = (timezone.now() + timedelta(seconds=60)).isoformat()
        kept.write_text(json.dumps({**said, "expires_at": soon}))
        typed("token", "eu")
        typed("token", "eu", "--fresh")
        kept.write_text("{")  # cut off in the middle
        typed("token", "eu")
        assert Kubeconfig.objects.count() == 4

    def test_takes_one_back_by_the_beginning_of_its_name(self, typed: Callable[..., str]) -> None:
        typed("kubeconfig", "new", "eu")
        row = Kubeconfig.objects.get()

        assert str(row.pk) in typed("kubeconfig", "list", "--json")
        assert "There is no kubeconfig zz" in typed("kubeconfig", "revoke", "zz", fails=True)
        assert "Taken back" in typed("kubeconfig", "revoke", str(row.pk)[:8])

    def test_explains(self, typed: Callable[..., str]) -> None:
        said = typed("namespace", "why", "payments")

        assert "may not submit workflows." in said
        assert "x level:" in said
