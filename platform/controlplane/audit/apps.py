"""When the guard is put up, and what other parts of the platform are heard."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate

from . import guarding


class AuditConfig(AppConfig):
    name = "controlplane.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import listening  # noqa: PLC0415 - models are loaded by now

        post_migrate.connect(_guard, sender=self)
        listening.begin()


def _guard(*, using: str, **_: Any) -> None:
    """After every migration, whichever app's it was: a table that was made anew has no trigger left."""
    connection = connections[using]
    tables = connection.introspection.table_names()
    if not set(guarding.TABLES) <= set(tables):
        return  # somebody migrates backwards, and there is nothing to guard
    guarding.put(connection)
    if settings.DATABASE_ROLE and connection.vendor == "postgresql":
        guarding.grant(connection, settings.DATABASE_ROLE)
