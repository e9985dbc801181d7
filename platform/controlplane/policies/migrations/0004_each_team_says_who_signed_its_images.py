"""Two teams may push one image: each has its own row of what it said, and clusters hear the union."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("policies", "0003_what_each_cluster_was_brought")]

    operations = [
        migrations.RemoveConstraint(model_name="artifact", name="one_row_an_artifact"),
        migrations.AddConstraint(
            model_name="artifact",
            constraint=models.UniqueConstraint(
                fields=("team", "repository", "digest"), name="one_row_an_artifact_of_a_team"
            ),
        ),
    ]
