"""A platform that had no image policy goes on as it was, by a policy that says so and can be edited."""

from typing import Any

from django.db import migrations
from django.utils import timezone

NAME = "everything"
DESCRIPTION = (
    "As it was before there were image policies: every image runs. Name what is allowed here, or in "
    "another policy, and the rest is refused."
)


def say(apps: Any, schema_editor: Any) -> None:
    fields = {
        "name": NAME,
        "description": DESCRIPTION,
        "scope": "platform",
        "settings": {"default": "allow", "argo": {"templated": "defer"}},
        "enabled": True,
    }
    row = apps.get_model("policies", "ImagePolicy").objects.create(**fields)
    apps.get_model("policies", "HistoricalImagePolicy").objects.create(
        id=row.pk,
        **fields,
        history_date=timezone.now(),
        history_type="+",
        history_change_reason="As it was when the history began.",
    )


class Migration(migrations.Migration):

    dependencies = [("policies", "0001_what_people_say_and_agents_see")]

    operations = [migrations.RunPython(say, migrations.RunPython.noop)]
