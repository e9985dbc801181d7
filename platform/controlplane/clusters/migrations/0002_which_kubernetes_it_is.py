from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clusters", "0001_clusters")]

    operations = [
        migrations.AddField(
            model_name="cluster",
            name="uid",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="cluster",
            constraint=models.UniqueConstraint(
                condition=models.Q(("uid", ""), _negated=True),
                fields=("uid",),
                name="a_cluster_has_one_name",
            ),
        ),
    ]
