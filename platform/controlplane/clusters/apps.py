from django.apps import AppConfig
from django.db.backends.signals import connection_created


class ClustersConfig(AppConfig):
    name = "controlplane.clusters"
    label = "clusters"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The one place where Django wants imports inside a function: the models are loaded now.
        from controlplane.postgresql import keep_no_nul  # noqa: PLC0415

        from . import calls  # noqa: F401, PLC0415

        # What clusters say is kept whatever letters are in it.
        connection_created.connect(keep_no_nul, dispatch_uid="no-nul")
