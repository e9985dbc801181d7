"""One of everything to look at, and a way in."""

from dataclasses import dataclass

from django.db.models import Model
from django.test import Client
from django.urls import reverse

from controlplane.identity.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"


@dataclass(frozen=True)
class Everything:
    """One row of each model of the desk, all about one team."""

    rows: dict[str, Model]

    def urls(self) -> list[str]:
        """Every page of the desk, those that take a row included."""
        plain = ["index", "search", "password_change"]
        found = [reverse(f"admin:{name}") for name in plain]
        for name, row in self.rows.items():
            found += [reverse(f"admin:{name}_{page}") for page in ("changelist", "add", "export")]
            pages = ("change", "history", "delete")
            found += [reverse(f"admin:{name}_{page}", args=[row.pk]) for page in pages]
        return [*found, reverse("admin:auth_user_password_change", args=[1])]


def signed_in(client: Client, user: User) -> Client:
    client.force_login(user, backend=BACKEND)
    return client
