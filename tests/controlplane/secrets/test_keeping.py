"""Writing a secret: who may, what is refused, and that nothing of it is told again."""

from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from controlplane.audit.models import Event
from controlplane.errors import NotAllowed, NotNow
from controlplane.identity.models import User
from controlplane.sealing import OfAnother
from controlplane.secrets import contents, services
from controlplane.secrets.contents import BadSecret
from controlplane.secrets.models import Place, Secret, Version
from controlplane.secrets.services import Given, NameTaken, SharedWithAnother
from tenants.models import Team, TenantNamespace
from tests.factories import NamespaceFactory, PersonFactory, TeamFactory, owner_of

from .conftest import CANARY, KEYS, S3, Keep

pytestmark = pytest.mark.django_db


def given(**values: bytes) -> Given:
    return Given(values=values)


def test_what_is_kept_is_sealed_and_opens_for_its_own_version_only(keep: Keep) -> None:
    one, other = keep("one", "opaque").versions.get(), keep("other", "opaque").versions.get()

    assert CANARY not in one.sealed
    assert contents.opened(one).values == {"token": CANARY.encode()}
    other.sealed = one.sealed
    with pytest.raises(OfAnother):
        contents.opened(other)


def test_only_an_owner_keeps_secrets(keep: Keep, team: Team) -> None:
    secret = keep()
    for groups in (["atlas-members"], ["atlas-viewers"], ["argosy-admins"], ["argosy-approvers"]):
        other = PersonFactory(claimed_groups=groups)
        with pytest.raises(NotAllowed, match="Only owners of atlas"):
            keep("mine", by=other)
        with pytest.raises(NotAllowed):
            services.renew(secret, given=Given(S3, KEYS), by=other, now=timezone.now())
        with pytest.raises(NotAllowed):
            services.remove(secret, by=other, now=timezone.now())
        with pytest.raises(NotAllowed):
            services.held_of(secret, by=other)


def test_an_owner_of_another_team_keeps_nothing_here(keep: Keep) -> None:
    stranger = owner_of(TeamFactory())

    with pytest.raises(NotAllowed):
        keep(by=stranger)

    assert not Secret.objects.visible_to(stranger).exists()


def test_a_version_is_whole_so_that_a_kept_password_cannot_be_sent_elsewhere(
    keep: Keep, owner: User
) -> None:
    """The settings say where a password is shown: who changes them gives the password anew."""
    secret = keep()
    elsewhere = Given(settings={**S3, "endpoint": "evil.example.com"}, values={})

    with pytest.raises(
        BadSecret, match=r"Access key is missing\. What was kept before is not taken"
    ):
        services.renew(secret, given=elsewhere, by=owner, now=timezone.now())


def test_versions_are_numbered_and_an_older_one_comes_back_whole(keep: Keep, owner: User) -> None:
    secret, now = keep("one", "opaque"), timezone.now()
    services.renew(secret, given=given(token=b"new"), by=owner, now=now)

    back = services.bring_back(secret, 1, by=owner, now=now)

    assert (back.number, contents.opened(back).values) == (3, {"token": CANARY.encode()})
    with pytest.raises(NotNow, match="cannot be brought back: it is the one there is"):
        services.bring_back(secret, 3, by=owner, now=now)


def test_of_old_versions_only_that_they_were_is_kept(keep: Keep, owner: User) -> None:
    secret = keep("one", "opaque")
    for number in range(services.KEPT + 1):
        services.renew(secret, given=given(token=b"%d" % number), by=owner, now=timezone.now())

    sealed = secret.versions.exclude(sealed="")

    assert secret.versions.count() == services.KEPT + 2
    assert sealed.count() == services.KEPT
    with pytest.raises(NotNow, match="its values are forgotten"):
        services.bring_back(secret, 1, by=owner, now=timezone.now())


def test_removing_forgets_the_values_at_once_and_twice_is_once(keep: Keep, owner: User) -> None:
    secret = keep("one", "opaque")

    services.remove(secret, by=owner, now=timezone.now())
    services.remove(secret, by=owner, now=timezone.now())

    assert not Version.objects.exclude(sealed="").exists()
    assert Event.objects.filter(action="secret.removed").count() == 1
    with pytest.raises(NotNow, match="was removed"):
        services.renew(secret, given=given(a=b"b"), by=owner, now=timezone.now())
    assert keep("one", "opaque").pk != secret.pk


def test_one_name_is_one_secret_whatever_its_kind(keep: Keep, team: Team) -> None:
    keep("artifacts")

    with pytest.raises(NameTaken, match=r"has a secret artifacts already: Artifact repository"):
        keep("artifacts", "opaque")


def test_a_name_may_be_in_two_namespaces_but_not_twice_in_one(keep: Keep, team: Team) -> None:
    one, other = NamespaceFactory(team=team), NamespaceFactory(team=team)
    keep("token", "opaque", namespace=one)
    keep("token", "opaque", namespace=other)

    with pytest.raises(NameTaken, match=f"already in {one.name}"):
        keep("token", "opaque", namespace=one)
    with pytest.raises(NameTaken):
        keep("token", "opaque")


def test_argo_has_one_artifact_repository_in_a_namespace(keep: Keep) -> None:
    keep("artifacts")

    with pytest.raises(NameTaken, match=r"artifacts is the Artifact repository .* there already"):
        keep("more", settings={**S3, "bucket": "another"})


def test_a_bucket_is_one_teams_and_whose_is_not_told(keep: Keep) -> None:
    keep()
    theirs = TeamFactory(slug="borealis")

    with pytest.raises(SharedWithAnother) as caught:
        keep(team=theirs, by=owner_of(theirs), settings={**S3, "endpoint": "S3.example.com:9000"})

    assert "belongs to another team" in caught.value.sentence
    assert "atlas owns" not in caught.value.sentence


def test_a_bucket_that_nobody_has_any_more_may_be_anothers(keep: Keep, owner: User) -> None:
    services.remove(keep(), by=owner, now=timezone.now())
    theirs = TeamFactory(slug="borealis")

    keep(team=theirs, by=owner_of(theirs))

    assert Place.objects.get().team == theirs


def test_a_namespace_of_another_team_is_none(keep: Keep) -> None:
    theirs: TenantNamespace = NamespaceFactory()

    with pytest.raises(BadSecret, match="atlas has no namespace"):
        keep(namespace=theirs)


@pytest.mark.parametrize(
    "name",
    ["", "-a", "a-", "A", "a_b", "a.b", "x" * 64, "argo-owner", "argosy-x", "sso", "ä", "a\n"],
)
def test_a_name_that_is_none_or_somebody_elses_is_refused(keep: Keep, name: str) -> None:
    with pytest.raises(BadSecret) as caught:
        keep(name, "opaque")

    assert caught.value.field == "name"


@pytest.mark.parametrize(
    "key", ["", ".", "..", "../x", "..data", "a/b", "a b", "ä", "k" * 254, "a\n", "a\0b"]
)
def test_a_key_that_can_be_no_files_name_is_refused(keep: Keep, key: str) -> None:
    with pytest.raises(BadSecret, match="cannot be a key"):
        keep("one", "opaque", values={key: b"x"})


def test_a_mebibyte_fits_in_no_secret_and_is_refused_before_it_is_sealed(keep: Keep) -> None:
    with pytest.raises(BadSecret, match=r"1,048,58. bytes, and Kubernetes takes 1,044,480"):
        keep("one", "opaque", values={"blob": bytes(2**20)})

    assert not Version.objects.exists()


def test_bytes_are_kept_as_they_are(keep: Keep) -> None:
    blob = bytes(range(256)) * 4000

    version = keep("one", "opaque", values={"blob": blob}).versions.get()

    assert contents.opened(version).values["blob"] == blob
    assert version.sizes == {"blob": 1_024_000}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endpoint": "https://s3.example.com"}, "endpoint"),
        ({"endpoint": "s3.example.com/path"}, "endpoint"),
        ({"endpoint": "a@b"}, "endpoint"),
        ({"endpoint": "s3.example.com:0"}, "endpoint"),
        ({"endpoint": "s3.example.com:65536"}, "endpoint"),
        ({"endpoint": ""}, "endpoint"),
        ({"bucket": "A"}, "bucket"),
        ({"bucket": "../other"}, "bucket"),
        ({"region": "eu west"}, "region"),
        ({"tls": "maybe"}, "tls"),
        ({"secret_key": "x"}, "settings"),
    ],
)
def test_settings_that_no_client_could_use_are_told_by_their_field(
    keep: Keep, change: dict[str, str], field: str
) -> None:
    with pytest.raises(BadSecret) as caught:
        keep(settings={**S3, **change})

    assert caught.value.field == field


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"access_key": b"a"},
        {**KEYS, "more": b"x"},
        {**KEYS, "secret_key": b"\xff"},
        {**KEYS, "secret_key": b"a\nb"},
        {**KEYS, "secret_key": b"x" * 70_000},
    ],
)
def test_values_that_are_missing_unknown_or_no_text_are_refused_and_not_repeated(
    keep: Keep, values: dict[str, bytes]
) -> None:
    with pytest.raises(BadSecret) as caught:
        keep(values=values)

    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "settings", "values", "field"),
    [
        ("archive", {"host": "db:1", "database": "a", "user": "u"}, {"password": b"x"}, "host"),
        ("archive", {"host": "db", "database": "a b", "user": "u"}, {"password": b"x"}, "database"),
        ("archive", {"host": "db", "database": "a", "user": "u", "port": "0"}, {"password": b"x"}, "port"),
        ("archive", {"host": "db", "database": "a", "user": "u", "port": "٣"}, {"password": b"x"}, "port"),
        ("oidc", {"issuer": "id.example.com", "client_id": "a"}, {"client_secret": b"x"}, "issuer"),
        ("oidc", {"issuer": "https://[", "client_id": "a"}, {"client_secret": b"x"}, "issuer"),
        ("oidc", {"issuer": "https://id", "client_id": "a b"}, {"client_secret": b"x"}, "client_id"),
        ("pull", {"registry": "https://ghcr.io", "username": "a"}, {"password": b"x"}, "registry"),
        ("pull", {"registry": "ghcr.io", "username": "a:b"}, {"password": b"x"}, "username"),
        ("opaque", {"a": "b"}, {"a": b"x"}, "settings"),
        ("opaque", {}, {}, "values"),
        ("nothing", {}, {}, "kind"),
    ],
)  # fmt: skip
def test_each_kind_refuses_what_it_cannot_be(
    keep: Keep, kind: str, settings: dict[str, str], values: dict[str, bytes], field: str
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - its field is what is asked
        keep("one", kind, settings=settings, values=values)

    assert getattr(caught.value, "field", None) == field


def test_an_act_is_recorded_without_a_value(keep: Keep, owner: User) -> None:
    services.remove(keep(expires_on=date(2030, 1, 1)), by=owner, now=timezone.now())

    acts = Event.objects.filter(action__startswith="secret.").order_by("pk")
    events = list(acts.values())

    assert [e["action"] for e in events] == ["secret.added", "secret.removed"]
    assert {e["target"] for e in events} == {"atlas/artifacts"}
    assert CANARY not in repr(events)


def test_what_is_held_is_not_shown_by_a_traceback_or_a_log(keep: Keep) -> None:
    held: Any = contents.opened(keep().versions.get())

    assert CANARY not in repr(held)
    assert CANARY not in repr(Given(S3, KEYS))
