from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "controlplane.identity"
    label = "identity"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The one place where Django wants imports inside a function: the models are loaded now.
        from . import coming, leaving  # noqa: F401, PLC0415
