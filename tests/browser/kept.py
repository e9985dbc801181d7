"""A team's secrets for pages to show: on an ordinary day, on a bad one, and as long as they may be."""

import datetime as dt

from controlplane.identity.models import User
from controlplane.secrets import services
from controlplane.secrets.models import DeliveryState, Secret
from controlplane.secrets.services import Given
from tenants.models import TenantNamespace

S3 = {"endpoint": "s3.example.com", "bucket": "payments", "tls": "yes"}
KEYS = {"access_key": b"AKIA", "secret_key": b"not-shown"}
NOT_OURS = (
    "There is a Secret webhook in payments that the platform did not make; it was not touched. Have it "
    "removed, or give this one another name."
)


def ordinary(place: TenantNamespace, now: dt.datetime) -> int:
    """One of which an end comes near, in two versions; another that is well."""
    soon = now.date() + dt.timedelta(days=9)
    first = _add(place, "artifacts", "s3", Given(S3, KEYS, soon), now)
    services.renew(first, given=Given(S3, KEYS, soon), by=_owner(), now=now)
    first.refresh_from_db()
    _there(first, place, now)
    _there(_add(place, "webhook", "opaque", Given({}, {"token": b"x"}), now), place, now)
    return first.pk


def bad_day(place: TenantNamespace, now: dt.datetime) -> int:
    """One whose name somebody has taken in the namespace."""
    found = _add(place, "webhook", "opaque", Given({}, {"token": b"x"}), now)
    found.deliveries.create(namespace=place, state=DeliveryState.TAKEN, sentence=NOT_OURS, at=now)
    return found.pk


def longest(place: TenantNamespace, now: dt.datetime) -> int:
    """Names and notes as long as they may be."""
    values = {"k" * 253: b"x", "l" * 253: b"y"}
    found = _add(place, "n" * 63, "opaque", Given({}, values), now, note="Note" * 75)
    _there(found, place, now)
    return found.pk


def _add(
    place: TenantNamespace, name: str, kind: str, given: Given, now: dt.datetime, note: str = ""
) -> Secret:
    return services.add(
        team=place.team, name=name, kind=kind, given=given, by=_owner(), now=now, note=note
    )


def _there(secret: Secret, place: TenantNamespace, now: dt.datetime) -> None:
    delivered = DeliveryState.DELIVERED
    secret.deliveries.create(namespace=place, state=delivered, version=secret.version, at=now)


def _owner() -> User:
    return User.objects.get(username="owner")
