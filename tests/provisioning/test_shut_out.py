"""Who lost a level is named in Argo's rules while a session of theirs may be left, and is told how far."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from controlplane.identity.models import Cut, CutState, User
from provisioning import shut_out
from provisioning.models import ShutOut
from provisioning.status import GUARD_RAILS_READY, Report, broken
from tenants import services
from tenants.conditions import READY, Condition, Status
from tenants.levels import Level
from tenants.models import Team, TenantNamespace
from tests.factories import NamespaceFactory, PersonFactory, TeamFactory

pytestmark = pytest.mark.django_db

ISSUER = "https://id.example.com/realms/main"
HELD = Report(
    (
        Condition(GUARD_RAILS_READY, Status.TRUE, "Applied", "all"),
        Condition(READY, Status.TRUE, "Ready", "all"),
    )
)


@pytest.fixture(autouse=True)
def provider(settings: Settings) -> None:
    settings.OIDC_ISSUER, settings.ARGO_GROUPS_FROM = ISSUER, "token"


def person(subject: str = "sub-1") -> User:
    user: User = PersonFactory(issuer=ISSUER, subject=subject)
    return user


def there(team: Team, **more: object) -> TenantNamespace:
    namespace: TenantNamespace = NamespaceFactory(
        team=team, begun_at=timezone.now(), applied_at=timezone.now(), **more
    )
    return namespace


def named(namespace: TenantNamespace, *, hours: float = 0) -> dict[Level, tuple[str, ...]]:
    """Whom the rules of this namespace shut out, now or some hours later."""
    at = timezone.now() + timedelta(hours=hours)
    return dict(shut_out.told_of(namespace.spec(), namespace.team, now=at).shut_out)


def left(user: User, *groups: str, keeping: tuple[str, ...] = ()) -> list[TenantNamespace]:
    return shut_out.follow(user, before={*groups, *keeping}, after=keeping, now=timezone.now())


def test_who_left_is_named_at_the_level_they_had_for_as_long_as_a_session_lasts() -> None:
    namespace = there(TeamFactory(slug="payments", owner_group="o", member_group="m"))

    left(person(), "m", "of another team")

    assert named(namespace) == {Level.MEMBER: ("sub-1",)}
    assert named(namespace, hours=0.99) == {Level.MEMBER: ("sub-1",)}
    assert named(namespace, hours=1.1) == {}


def test_who_was_lowered_is_named_at_what_they_lost_alone() -> None:
    namespace = there(TeamFactory(owner_group="o", member_group="m", viewer_group="v"))

    left(person(), "o", "m", keeping=("v",))

    assert named(namespace) == {Level.OWNER: ("sub-1",), Level.MEMBER: ("sub-1",)}


def test_who_comes_back_is_let_in_at_once() -> None:
    namespace, user = there(TeamFactory(owner_group="o", member_group="m")), person()
    left(user, "o", "m")

    shut_out.follow(user, before=(), after={"m"}, now=timezone.now())

    assert named(namespace) == {Level.OWNER: ("sub-1",)}


def test_a_group_that_two_teams_share_is_lost_in_both() -> None:
    one, other = (there(TeamFactory(owner_group="shared")) for _ in range(2))
    apart = there(TeamFactory(owner_group="apart"))

    assert {n.pk for n in left(person(), "shared")} == {one.pk, other.pk}
    assert named(one) == named(other) == {Level.OWNER: ("sub-1",)}
    assert named(apart) == {}


def test_a_level_without_a_group_is_nobodys_to_lose() -> None:
    namespace = there(TeamFactory(owner_group="o", member_group="", viewer_group=""))

    left(person(), "")

    assert named(namespace) == {}


@pytest.mark.parametrize(
    "who", [{}, {"issuer": "https://elsewhere.example.com", "subject": "sub-1"}]
)
def test_nobody_is_named_whom_argo_could_not_know(who: dict[str, str]) -> None:
    namespace = there(TeamFactory(owner_group="o"))

    assert left(PersonFactory(**who), "o") == []
    assert named(namespace) == {}


def test_without_a_provider_there_is_nothing_to_shut_out_of(settings: Settings) -> None:
    settings.OIDC_ISSUER = ""
    there(TeamFactory(owner_group="o"))

    assert left(person(), "o") == []
    assert not ShutOut.objects.exists()


def test_the_loop_is_asked_for_a_turn_at_once() -> None:
    namespace = there(
        TeamFactory(owner_group="o"), next_reconcile_at=timezone.now() + timedelta(hours=1)
    )

    left(person(), "o")

    namespace.refresh_from_db()
    assert namespace.next_reconcile_at <= timezone.now()


def test_losing_a_group_is_enough(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """From the person's row to the rule, by way of the announcement that all doors hear."""
    namespace = there(TeamFactory(owner_group="o"))
    user = person()
    now = timezone.now()
    times = dict.fromkeys(("made_at", "confirmed_at", "checked_at", "due_at", "seen_at"), now)
    user.grants.create(**times)
    user.claimed_groups = ["o"]
    with django_capture_on_commit_callbacks(execute=True):
        user.save()

    with django_capture_on_commit_callbacks(execute=True):
        user.claimed_groups = []
        user.save()

    assert named(namespace) == {Level.OWNER: ("sub-1",)}


def test_it_is_under_way_until_a_turn_has_left_the_rules_in_the_cluster() -> None:
    namespace, user = there(TeamFactory(owner_group="o")), person()
    left(user, "o")
    cut = Cut.objects.get(user=user, what=shut_out.way_in(namespace))
    assert cut.state == CutState.UNDER_WAY
    spec = shut_out.told_of(namespace.spec(), namespace.team, now=timezone.now())

    shut_out.settle(namespace, spec, HELD, now=timezone.now())

    cut.refresh_from_db()
    assert cut.state == CutState.DONE
    assert cut.done_at is not None


def test_a_turn_that_failed_says_when_it_ends_by_itself() -> None:
    namespace, user = there(TeamFactory(owner_group="o")), person()
    left(user, "o")
    spec = shut_out.told_of(namespace.spec(), namespace.team, now=timezone.now())

    shut_out.settle(namespace, spec, broken("helm is not there"), now=timezone.now())

    cut = Cut.objects.get(user=user, what=shut_out.way_in(namespace))
    assert cut.state == CutState.CANNOT_YET
    assert cut.until is not None
    assert f"until {cut.until:%H:%M} UTC at the latest" in cut.sentence
    assert "helm is not there" in cut.sentence


@pytest.mark.parametrize(("where", "why"), [("paused", "paused"), ("away", "does not answer")])
def test_where_the_loop_cannot_go_it_is_said_at_once(where: str, why: str) -> None:
    namespace, user = there(TeamFactory(owner_group="o"), paused=where == "paused"), person()
    if where == "away":
        namespace.cluster.reachable = False
        namespace.cluster.save()

    left(user, "o")

    cut = Cut.objects.get(user=user, what=shut_out.way_in(namespace))
    assert (cut.state, why in cut.sentence) == (CutState.CANNOT_YET, True)


def test_another_turn_without_their_name_settles_nothing() -> None:
    namespace, user = there(TeamFactory(owner_group="o")), person()
    spec = namespace.spec()
    left(user, "o")

    shut_out.settle(namespace, spec, HELD, now=timezone.now())

    cut = Cut.objects.get(user=user, what=shut_out.way_in(namespace))
    assert cut.state == CutState.UNDER_WAY


def test_a_team_that_changes_its_groups_has_its_rules_written_anew() -> None:
    team = TeamFactory(owner_group="o")
    namespace = there(team)
    generation = namespace.generation

    team.name = "Another name"
    services.save_team(team)
    namespace.refresh_from_db()
    assert namespace.generation == generation

    team.owner_group = "renamed"
    services.save_team(team)

    namespace.refresh_from_db()
    assert namespace.generation == generation + 1
    assert namespace.spec().groups[Level.OWNER] == "renamed"
