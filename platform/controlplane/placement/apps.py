from django.apps import AppConfig


class PlacementConfig(AppConfig):
    name = "controlplane.placement"
    label = "placement"
    verbose_name = "Placement"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The one place where Django wants imports inside a function: the models are loaded now.
        from controlplane import celery  # noqa: F401, PLC0415 - tasks are sent through our app
        from tenants import placing  # noqa: PLC0415

        from . import calls  # noqa: F401, PLC0415
        from .services import Placement  # noqa: PLC0415

        placing.register(Placement())
