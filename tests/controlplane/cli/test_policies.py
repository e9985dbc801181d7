"""`argosy policy` and `argosy exemption` against a platform that answers over HTTP."""

import json
from pathlib import Path

import pytest

from controlplane.policies import backtest
from controlplane.policies.models import ImageExemption
from tests.controlplane.cli.runner import run
from tests.factories import NamespaceFactory, TeamFactory, approver, member_of, owner_of
from tests.fakes import FakeCluster
from tests.images import FOREIGN, HARBOR, IMAGE, policy

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("home"),
]

OK, REFUSED, USAGE = 0, 1, 2


def test_trying_an_image_answers_in_words_and_by_its_end() -> None:
    team = NamespaceFactory().team
    policy(allow=[HARBOR])
    person = member_of(team)

    good = run("policy", "try", team.slug, IMAGE, user=person)
    bad = run("policy", "try", team.slug, FOREIGN, user=person)
    as_json = run("policy", "try", team.slug, FOREIGN, "--json", user=person)

    assert good.exit_code == OK, good.output
    assert (bad.exit_code, as_json.exit_code) == (REFUSED, REFUSED)
    assert "admits this" in good.output
    assert FOREIGN in bad.output
    assert json.loads(as_json.output)["violations"][0]["code"] == "not-allowed"


def test_another_teams_policy_is_not_to_be_tried_or_shown() -> None:
    theirs = NamespaceFactory().team
    stranger = owner_of(TeamFactory())

    tried = run("policy", "try", theirs.slug, IMAGE, user=stranger)
    shown = run("policy", "show", theirs.slug, "--team", user=stranger)

    assert (tried.exit_code, shown.exit_code) == (REFUSED, REFUSED)
    assert "that you may see" in tried.output
    assert "may not see" in shown.output


def test_policies_are_listed_and_shown() -> None:
    policy(allow=[HARBOR])
    team, by = NamespaceFactory().team, approver()

    assert "harbor" in run("policy", "list", user=by).output
    assert "payments/**" in run("policy", "show", "harbor", user=by).output
    document = json.loads(
        run("policy", "show", team.slug, "--team", "--json", user=owner_of(team)).output
    )
    assert HARBOR in document["scopes"][0]["allow"]
    missing = run("policy", "show", "no-such", user=by)
    assert (missing.exit_code, "no policy no-such" in missing.output) == (REFUSED, True)


@pytest.fixture
def _running(monkeypatch: pytest.MonkeyPatch) -> None:
    here = NamespaceFactory(name="payments")
    kube = FakeCluster()
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": here.name}})
    spec = {"containers": [{"name": "main", "image": FOREIGN}]}
    meta = {"name": "bad", "namespace": here.name}
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    monkeypatch.setattr(backtest, "_kube", lambda _: kube)


@pytest.mark.usefixtures("_running")
def test_a_back_test_of_a_file_says_who_would_break_and_ends_so(tmp_path: Path) -> None:
    file = tmp_path / "harbor.json"
    file.write_text(json.dumps({"name": "h", "scope": "platform", "settings": {"allow": [HARBOR]}}))
    by = approver()

    broken = run("policy", "backtest", str(file), "--json", user=by)
    nobody = run("policy", "backtest", user=by)

    assert broken.exit_code == REFUSED
    assert json.loads(broken.output)["broken"][0]["image"] == FOREIGN
    assert (nobody.exit_code, "Nobody would break" in nobody.output) == (OK, True)
    file.write_text("[]")
    assert run("policy", "backtest", str(file), user=by).exit_code == USAGE


def test_an_exemption_is_asked_approved_listed_and_ended() -> None:
    team = TeamFactory()
    person, by = member_of(team), approver()

    asked = run("exemption", "ask", team.slug, FOREIGN, "--reason", "vendor", user=person)
    number = str(ImageExemption.objects.get().pk)
    own = run("exemption", "approve", number, user=person)
    agreed = run("exemption", "approve", number, user=by)
    listed = json.loads(run("exemption", "list", "--json", user=person).output)
    ended = run("exemption", "end", number, user=person)

    assert (asked.exit_code, own.exit_code, agreed.exit_code, ended.exit_code) == (OK, 1, OK, OK)
    assert f"approve {number}" in asked.output
    assert "Nobody decides" in own.output
    assert [row["holds"] for row in listed] == [True]
    assert ImageExemption.objects.get().state == "ended"
    again = run("exemption", "reject", number, "--note", "no", user=by)
    assert (again.exit_code, "ended already" in again.output) == (REFUSED, True)
