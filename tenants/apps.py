from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The one place where Django wants imports inside a function: the models are loaded now.
        from controlplane.identity.groups import gives_meaning  # noqa: PLC0415

        from . import receivers  # noqa: F401, PLC0415
        from .groups import of_teams  # noqa: PLC0415

        gives_meaning(of_teams)
