"""Who vouches for images, at the desk: the keys that count, and what was signed with them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane.policies import keys
from controlplane.policies.models import (
    Artifact,
    SigningKey,
)
from controlplane.rows.desk import ReadOnly, RowAdmin
from controlplane.rows.looks import ago, clipped, word

from .acting import Decides, NoteForm, note_of, person_of


@admin.register(SigningKey)
class SigningKeyAdmin(Decides):
    """Whose signatures count. A key is never deleted: revoking it tells every cluster."""

    list_display = ("name", "begins_with", "trusted", "created_at", "why")
    search_fields = ("name", "key_id")
    action_form = NoteForm
    actions = ("revoke",)
    fields = ("name", "pem", "key_id", "created_at", "revoked_at", "revoked_by", "revoked_because")
    readonly_fields = ("key_id", "created_at", "revoked_at", "revoked_by", "revoked_because")
    exported = (
        ("name", "name"),
        ("id", "key_id"),
        ("added", "created_at"),
        ("revoked", "revoked_at"),
        ("because", "revoked_because"),
    )

    @admin.display(description="id", ordering="key_id")
    def begins_with(self, key: SigningKey) -> str:
        return f"{key.key_id[:12]}…"

    @admin.display(description="trusted", ordering="revoked_at")
    def trusted(self, key: SigningKey) -> str:
        return word("bad", "revoked") if key.revoked_at else word("ok", "trusted")

    @admin.display(description="because")
    def why(self, key: SigningKey) -> str:
        return clipped(key.revoked_because)

    def save_model(self, request: HttpRequest, obj: SigningKey, form: Any, change: bool) -> None:  # noqa: ARG002
        keys.save_key(obj)

    @admin.action(description="Revoke (say why)", permissions=["admin"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[SigningKey]) -> None:
        by, note, now = person_of(request), note_of(request), timezone.now()
        self.each(
            request, chosen, lambda row: keys.revoke(row, by=by, now=now, reason=note), "revoked."
        )

    def has_delete_permission(self, request: HttpRequest, obj: SigningKey | None = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Artifact)
class ArtifactAdmin(ReadOnly, RowAdmin[Artifact]):
    """What the CI said of the images it pushed, as it was verified."""

    list_display = ("repository", "begins_with", "team", "signers", "epoch", "pushed")
    list_select_related = ("team",)
    search_fields = ("repository", "digest", "team__slug")
    exported = (
        ("repository", "repository"),
        ("pinned as", "digest"),
        ("team", "team__slug"),
        ("keys", "key_ids"),
        ("attestations", "attestations"),
        ("epoch", "epoch"),
        ("at", "at"),
    )

    @admin.display(description="digest", ordering="digest")
    def begins_with(self, row: Artifact) -> str:
        return clipped(row.digest)

    @admin.display(description="signed by")
    def signers(self, row: Artifact) -> str:
        return ", ".join(key[:12] for key in row.key_ids)

    @admin.display(description="pushed", ordering="at")
    def pushed(self, row: Artifact) -> str:
        return ago(row.at)
