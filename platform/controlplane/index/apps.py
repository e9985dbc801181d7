from django.apps import AppConfig


class IndexConfig(AppConfig):
    name = "controlplane.index"
    label = "index"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The one place where Django wants imports inside a function: the models are loaded now.
        from . import calls  # noqa: F401, PLC0415
