from typing import Any

from django.db import migrations, models
from django.db.models import F


def as_new_as_seen(apps: Any, schema_editor: Any) -> None:
    """What acts on a cluster knew every namespace there was when it was last looked at."""
    deliveries = apps.get_model("policies", "Delivery").objects
    deliveries.filter(version__isnull=False, in_force=True).update(as_of=F("checked_at"))


class Migration(migrations.Migration):

    dependencies = [("policies", "0004_each_team_says_who_signed_its_images")]

    operations = [
        migrations.AddField("delivery", "as_of", models.DateTimeField(editable=False, null=True)),
        migrations.RunPython(as_new_as_seen, migrations.RunPython.noop),
    ]
