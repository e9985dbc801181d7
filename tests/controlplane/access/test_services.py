"""Giving people credentials and taking them back: for whom, for how long, and what is left when it fails."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import yaml
from django.conf import LazySettings
from django.utils import timezone

from controlplane.access import services
from controlplane.access.bindings import account_name
from controlplane.access.following import follow
from controlplane.access.models import Account, Kubeconfig
from controlplane.access.wishes import name_of
from controlplane.audit.models import Event
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError, NotAllowed, NotNow
from controlplane.identity.models import Cut, CutState, User
from controlplane.kube.errors import Forbidden
from controlplane.objects import Ref
from tenants.models import Team, TenantNamespace
from tests.factories import (
    NamespaceFactory,
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

Bound = Callable[[], set[str]]
REFUSED = Forbidden("no", code=403, status={})


def proofs(fake: FakeCluster) -> set[str]:
    return {m["metadata"]["name"] for m in fake.list("v1", "Secret", "argosy-people")}


def give(user: User, minutes: int | None = None) -> services.Issued:
    return services.issue(user=user, cluster="eu", minutes=minutes, now=timezone.now())


def test_a_member_is_bound_to_the_roles_of_their_level(
    team: Team, fake: FakeCluster, bound: Bound
) -> None:
    issued = give(member_of(team))

    assert bound() == {"payments/argosy-member", "payments/argosy-viewer"}
    assert proofs(fake) == {issued.row.proof}
    document = yaml.safe_load(issued.document)
    assert document["users"][0]["user"] == {"token": issued.token}
    assert document["contexts"][0]["context"]["namespace"] == "payments"


def test_it_is_good_as_long_as_is_allowed_and_no_longer(
    team: Team, fake: FakeCluster, settings: LazySettings
) -> None:
    settings.KUBECONFIG_MINUTES = 30
    row = give(viewer_of(team)).row

    assert (
        timedelta(minutes=29) < row.expires_at - row.issued_at <= timedelta(minutes=30, seconds=5)
    )
    for minutes in (9, 31):
        with pytest.raises(DomainError, match="10 to 30 minutes"):
            give(viewer_of(team), minutes=minutes)


@pytest.mark.parametrize("who", [approver, platform_admin, PersonFactory])
def test_who_has_no_level_there_gets_none_whatever_they_are_to_the_platform(
    payments: TenantNamespace, fake: FakeCluster, who: Callable[[], User]
) -> None:
    with pytest.raises(NotAllowed) as here:
        give(who())
    with pytest.raises(NotAllowed) as nowhere:
        services.issue(user=who(), cluster="mars", now=timezone.now())

    # A cluster that does not exist is told as one that is not theirs.
    assert str(here.value).replace("eu", "X") == str(nowhere.value).replace("mars", "X")
    assert not Kubeconfig.objects.exists()
    assert Event.objects.filter(action="kubeconfig.issue", outcome="denied").count() == 2


def test_another_teams_owner_gets_none(payments: TenantNamespace, fake: FakeCluster) -> None:
    with pytest.raises(NotAllowed):
        give(owner_of(TeamFactory()))


def test_who_is_in_two_teams_has_the_level_of_each_in_its_own_namespace(
    payments: TenantNamespace, eu: Cluster, fake: FakeCluster, bound: Bound
) -> None:
    ledger = NamespaceFactory(
        name="ledger", team=TeamFactory(slug="ledger"), cluster=eu, applied_at=timezone.now()
    )
    both = PersonFactory(
        claimed_groups=[payments.team.viewer_group, ledger.team.member_group, "other"]
    )

    give(both)

    assert bound() == {
        "payments/argosy-viewer",
        "ledger/argosy-viewer",
        "ledger/argosy-member",
    }


def test_a_namespace_that_is_not_there_yet_gives_nothing(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    TenantNamespace.objects.update(applied_at=None)

    with pytest.raises(NotAllowed):
        give(owner_of(payments.team))


def test_who_is_shut_out_gets_none_and_loses_what_they_have(
    team: Team, fake: FakeCluster, bound: Bound
) -> None:
    person = member_of(team)
    give(person)

    person.is_active = False
    person.save()
    follow(Account.objects.get())

    assert (bound(), proofs(fake)) == (set(), set())
    assert Kubeconfig.objects.get().revoked_at is not None
    with pytest.raises(NotAllowed):
        give(person)


def test_who_loses_one_of_two_teams_keeps_the_other(
    payments: TenantNamespace, eu: Cluster, fake: FakeCluster, bound: Bound
) -> None:
    ledger = NamespaceFactory(
        name="ledger", team=TeamFactory(slug="ledger"), cluster=eu, applied_at=timezone.now()
    )
    person = PersonFactory(claimed_groups=[payments.team.viewer_group, ledger.team.viewer_group])
    issued = give(person)

    person.claimed_groups = [ledger.team.viewer_group]
    person.save()
    follow(Account.objects.get())

    assert bound() == {"ledger/argosy-viewer"}
    assert proofs(fake) == {issued.row.proof}
    issued.row.refresh_from_db()
    assert issued.row.revoked_at is None


def test_a_person_who_is_deleted_leaves_nothing_in_the_cluster(
    team: Team, fake: FakeCluster, bound: Bound
) -> None:
    person = member_of(team)
    give(person)

    person.delete()
    account = Account.objects.get()
    assert account in Account.objects.in_use(timezone.now())
    follow(account)

    assert (bound(), proofs(fake)) == (set(), set())


def test_taking_the_last_one_back_takes_the_bindings_too(
    team: Team, fake: FakeCluster, bound: Bound
) -> None:
    person = viewer_of(team)
    first, second = give(person).row, give(person).row

    said = services.revoke(first, now=timezone.now())
    assert "within 10 s it opens nothing" in said.sentence
    assert proofs(fake) == {second.proof}
    assert bound() == {"payments/argosy-viewer"}

    services.revoke(second, now=timezone.now())
    services.revoke(second, now=timezone.now())  # to do it twice is to do it once
    assert (bound(), proofs(fake)) == (set(), set())
    assert Event.objects.filter(action="kubeconfig.revoke").count() == 2


def test_what_has_ended_by_itself_is_cleared_away(
    team: Team, fake: FakeCluster, bound: Bound
) -> None:
    give(viewer_of(team))
    Kubeconfig.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    Account.objects.update(due_at=timezone.now())

    (due,) = Account.objects.due(timezone.now())
    follow(due)

    assert (bound(), proofs(fake)) == (set(), set())
    assert not Account.objects.due(timezone.now() + timedelta(days=1))


def test_a_cluster_that_is_away_says_when_it_is_over(team: Team, fake: FakeCluster) -> None:
    row = give(viewer_of(team)).row
    Cluster.objects.update(reachable=False)
    fake.unreachable = True

    said = services.revoke(Kubeconfig.objects.get(pk=row.pk), now=timezone.now())

    assert f"cannot be revoked before {row.expires_at:%H:%M} UTC" in said.sentence
    assert "eu does not answer" in said.sentence
    fake.unreachable = False
    Cluster.objects.update(reachable=True)
    follow(Account.objects.get())
    assert proofs(fake) == set()
    row.refresh_from_db()
    assert services.standing_of(row, timezone.now()).sentence.startswith("Taken back at")


def test_what_a_person_lost_is_on_their_page_until_it_is_done(
    team: Team, fake: FakeCluster, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    person = member_of(team)
    give(person)
    fake.unreachable = True
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        person.claimed_groups = []
        person.save()
    follow(Account.objects.get())

    cut = Cut.objects.get(user=person, what="kubeconfig@eu")
    assert (cut.state, cut.until is None) == (CutState.CANNOT_YET, False)
    assert "cannot be revoked before" in cut.sentence
    fake.unreachable = False
    follow(Account.objects.get())
    cut.refresh_from_db()
    assert (cut.state, cut.done_at is None) == (CutState.DONE, False)


@pytest.mark.parametrize("step", [("create", "Secret"), ("token", "ServiceAccount")])
def test_a_cluster_that_refuses_leaves_nothing_good_behind(
    team: Team, fake: FakeCluster, step: tuple[str, str]
) -> None:
    person = viewer_of(team)
    fake.refusals[step] = REFUSED

    with pytest.raises(Forbidden):
        give(person)

    assert not Kubeconfig.objects.good(timezone.now()).exists()
    fake.refusals.clear()
    (due,) = Account.objects.due(timezone.now())
    follow(due)
    assert proofs(fake) == set()


def test_access_that_changes_while_it_is_made_gives_out_nothing(
    team: Team, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fake.account_token

    def meanwhile(*words: object, **said: object) -> tuple[str, datetime]:
        Kubeconfig.objects.update(revoked_at=timezone.now(), reason="Somebody else was faster.")
        return made(*words, **said)  # type: ignore[arg-type]

    monkeypatch.setattr(fake, "account_token", meanwhile)

    with pytest.raises(NotNow, match="nothing was given out"):
        give(viewer_of(team))


def test_a_proof_that_was_made_while_others_were_cleared_away_stays(
    team: Team, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = viewer_of(team)
    give(person)
    account = Account.objects.get()
    listed = fake.list
    given: list[services.Issued] = []

    def meanwhile(api_version: str, kind: str, *rest: str, **said: str) -> object:
        if kind == "Secret" and not given:
            monkeypatch.setattr(fake, "list", listed)
            given.append(give(person))
        return listed(api_version, kind, *rest, **said)

    monkeypatch.setattr(fake, "list", meanwhile)
    follow(account)

    assert given[0].row.proof in proofs(fake)


def test_the_account_is_put_back_where_somebody_took_it_away(team: Team, fake: FakeCluster) -> None:
    person = viewer_of(team)
    give(person)
    fake.delete(Ref("v1", "ServiceAccount", "argosy-people", name_of(person)))

    assert give(person).token


def test_nobody_collects_more_than_a_handful(
    team: Team, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST", 2)
    person = viewer_of(team)
    give(person)
    give(person)

    with pytest.raises(NotNow, match="take one back first"):
        give(person)


def test_each_team_it_opens_reads_of_it_and_the_token_is_in_no_row(
    payments: TenantNamespace, eu: Cluster, fake: FakeCluster
) -> None:
    ledger = NamespaceFactory(
        name="ledger", team=TeamFactory(slug="ledger"), cluster=eu, applied_at=timezone.now()
    )
    both = PersonFactory(claimed_groups=[payments.team.viewer_group, ledger.team.owner_group])

    issued = give(both)

    events = Event.objects.filter(action="kubeconfig.issue")
    assert {event.team for event in events} == {"payments", "ledger"}
    assert "payments" not in str(events.get(team="ledger").after)
    assert issued.token not in str([vars(event) for event in events])
    assert issued.token not in str(Kubeconfig.objects.values())


def test_one_that_renews_itself_holds_no_secret_and_issues_nothing(
    team: Team, fake: FakeCluster
) -> None:
    document = yaml.safe_load(services.renewing(user=viewer_of(team), cluster="eu"))

    runs = document["users"][0]["user"]["exec"]
    assert (runs["command"], runs["args"]) == ("argosy", ["token", "eu"])
    assert not Kubeconfig.objects.exists()


def test_a_persons_account_tells_nobody_who_it_is_and_is_nobody_elses() -> None:
    names = {
        account_name(*pair)
        for pair in (("https://a", "b"), ("https://ab", ""), ("https://a", "c"), ("local", "b"))
    }

    assert len(names) == 4
    assert all(len(name) <= 52 and name.startswith("person-") for name in names)


def test_the_name_of_a_local_account_that_is_taken_again_is_another_account(team: Team) -> None:
    first = PersonFactory(username="ada")
    name = name_of(first)
    first.delete()

    assert name_of(PersonFactory(username="ada")) != name


def test_a_person_of_a_provider_is_never_a_local_one(team: Team) -> None:
    local = PersonFactory()
    provided = PersonFactory(issuer="https://id.example.com", subject=str(local.pk))

    assert name_of(local) != name_of(provided)


def test_a_silent_cluster_is_tried_again_later_and_later(team: Team, fake: FakeCluster) -> None:
    give(viewer_of(team))
    fake.unreachable = True
    waits = []
    for _ in range(6):
        account = Account.objects.get()
        assert not follow(account)
        account.refresh_from_db()
        waits.append((account.due_at or timezone.now()) - timezone.now())

    assert waits[0] < timedelta(seconds=6)
    assert waits[0] < waits[1] < waits[2] < waits[-1] <= timedelta(minutes=1)
