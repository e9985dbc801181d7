from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    name = "controlplane.policies"
    label = "policies"
    verbose_name = "Images"
    default_auto_field = "django.db.models.BigAutoField"
