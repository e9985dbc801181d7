from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "controlplane.metrics"
    label = "metrics"
    verbose_name = "Usage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The one place where Django wants imports inside a function: the models are loaded now.
        from . import receivers  # noqa: F401, PLC0415
