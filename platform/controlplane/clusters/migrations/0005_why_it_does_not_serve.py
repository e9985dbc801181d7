"""Why a cluster does not serve us, apart from the sentence: the way out differs."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("clusters", "0004_history_begins")]

    operations = [
        migrations.AddField(
            model_name="cluster",
            name="trouble",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "none"),
                    ("away", "away"),
                    ("credential", "refuses our credential"),
                    ("rights", "refuses us a right"),
                ],
                default="",
                editable=False,
                max_length=20,
            ),
        ),
    ]
