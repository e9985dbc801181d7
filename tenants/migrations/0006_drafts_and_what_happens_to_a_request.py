"""Drafts, and that a request is seen once a person."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0005_history_begins"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("fields", models.JSONField(default=dict)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("person", models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")),
                ("team", models.ForeignKey("tenants.team", models.CASCADE, null=True, related_name="+")),
            ],
            options={"ordering": ["-updated_at", "-pk"]},
        ),
        migrations.AddConstraint(
            model_name="requestevent",
            constraint=models.UniqueConstraint(
                fields=["request", "by"],
                condition=models.Q(kind="seen"),
                name="a_request_is_seen_once_a_person",
            ),
        ),
    ]
