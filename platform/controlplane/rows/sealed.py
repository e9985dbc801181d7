"""Which columns hold what is sealed: by their type, so that no list of them can be forgotten."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models


class SealedText(models.TextField[str, str]):
    """A text made by `sealing.seal`. Rotation and the check at the start find it by this type."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"editable": False, **kwargs})

    def deconstruct(self) -> Any:
        """To a migration it is a text like any other."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


def columns() -> Iterator[tuple[type[models.Model], SealedText]]:
    """Every sealed column there is."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields:  # noqa: SLF001 - Django's documented way
            if isinstance(field, SealedText):
                yield model, field
