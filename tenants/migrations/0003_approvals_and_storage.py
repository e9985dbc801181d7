"""When a wish was begun, and limits on storage for tiers that have none."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import tenants.quota

PODS_PER_CLAIM = 5
GIB_PER_CLAIM = 10


def limit_storage(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Ten GiB a claim that the tier allows, and scratch space for every pod; what is said stays."""
    for tier in apps.get_model("tenants", "Tier").objects.all():
        pods = int(tier.quota["pods"]) if str(tier.quota.get("pods")).isdigit() else 50
        for key, value in {
            "requests.storage": f"{max(pods // PODS_PER_CLAIM, 1) * GIB_PER_CLAIM}Gi",
            "requests.ephemeral-storage": f"{pods}Gi",
            "limits.ephemeral-storage": f"{pods * 4}Gi",
        }.items():
            tier.quota.setdefault(key, value)
        for part, value in {"default": "2Gi", "defaultRequest": "100Mi"}.items():
            tier.limits.setdefault(part, {}).setdefault("ephemeral-storage", value)
        tier.limits.setdefault("max", {}).setdefault("ephemeral-storage", "20Gi")
        tier.save()


def begin_what_was_applied(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Rows that took a turn before this was kept may be in their cluster."""
    rows = apps.get_model("tenants", "TenantNamespace").objects
    rows.filter(observed_generation__gt=0).update(begun_at=models.F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_three_tiers")]

    operations = [
        migrations.AddField(
            model_name="tenantnamespace",
            name="begun_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="tier",
            name="controller_resources",
            field=models.JSONField(
                help_text="requests and limits of the team's controller.",
                validators=[tenants.quota.check_resources],
            ),
        ),
        migrations.RunPython(limit_storage, migrations.RunPython.noop),
        migrations.RunPython(begin_what_was_applied, migrations.RunPython.noop),
    ]
