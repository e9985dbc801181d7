from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "controlplane.access"
    label = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The one place where Django wants imports inside a function: the models are loaded now.
        from controlplane import celery  # noqa: F401, PLC0415 - tasks are sent through our app

        from . import calls, receivers  # noqa: F401, PLC0415
