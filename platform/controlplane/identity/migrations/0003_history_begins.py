"""What was there before the history was kept: the state that its first change is told from."""

from typing import Any

from django.db import migrations
from django.utils import timezone

REASON = "As it was when the history began."


def begin(apps: Any, schema_editor: Any) -> None:
    now = timezone.now()
    for name in ('User',):
        kept = apps.get_model("identity", "Historical" + name)
        fields = [
            f.attname for f in kept._meta.concrete_fields
            if not f.name.startswith("history_")
        ]
        rows = apps.get_model("identity", name)._base_manager.values(*fields)
        kept.objects.bulk_create(
            (
                kept(**row, history_date=now, history_type="+", history_change_reason=REASON)
                for row in rows.iterator()
            ),
            batch_size=500,
        )


class Migration(migrations.Migration):

    dependencies = [("identity", "0002_before_and_after")]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
