from django.apps import AppConfig
from django.db.backends.signals import connection_created


class ClustersConfig(AppConfig):
    name = "controlplane.clusters"
    label = "clusters"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What clusters say is kept whatever letters are in it."""
        from controlplane.postgresql import keep_no_nul  # noqa: PLC0415 - the database backend comes first

        connection_created.connect(keep_no_nul, dispatch_uid="no-nul")
