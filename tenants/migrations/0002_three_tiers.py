"""The three tiers that the platform comes with; admins edit them like any other."""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def tier(
    slug: str, name: str, description: str, order: int,
    cpu: int, memory: int, pods: int, workflows: int, controller: dict[str, Any],
) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": name,
        "description": description,
        "order": order,
        "quota": {
            "requests.cpu": str(cpu),
            "requests.memory": f"{memory}Gi",
            "limits.cpu": str(cpu * 2),
            "limits.memory": f"{memory * 2}Gi",
            "pods": str(pods),
            "persistentvolumeclaims": str(pods // 5),
            "count/workflows.argoproj.io": str(workflows),
        },
        "limits": {
            "default": {"cpu": "500m", "memory": "512Mi"},
            "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
            "max": {"cpu": str(cpu), "memory": f"{memory}Gi"},
        },
        "controller_resources": controller,
    }


def size(cpu: str, memory: str, most_cpu: str, most_memory: str) -> dict[str, Any]:
    return {
        "requests": {"cpu": cpu, "memory": memory},
        "limits": {"cpu": most_cpu, "memory": most_memory},
    }


TIERS = (
    tier("small", "Small", "A few workflows at a time, for a team that begins.", 1,
         4, 8, 50, 200, size("50m", "128Mi", "1", "1Gi")),
    tier("medium", "Medium", "Daily work of a team.", 2,
         16, 32, 200, 1000, size("100m", "256Mi", "1", "2Gi")),
    tier("large", "Large", "Heavy batches; ask before you take it.", 3,
         64, 128, 800, 5000, size("500m", "1Gi", "2", "4Gi")),
)


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    model = apps.get_model("tenants", "Tier")
    for values in TIERS:
        model.objects.get_or_create(slug=values["slug"], defaults=values)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_wishes")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
