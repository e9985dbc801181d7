from django.apps import AppConfig
from django.contrib.admin import apps as django_admin


class DeskConfig(AppConfig):
    name = "controlplane.desk"
    label = "desk"
    default = True


class DeskAdminConfig(django_admin.AdminConfig):
    """Django's admin, with our site in place of its own."""

    default_site = "controlplane.desk.site.Desk"
    default = False
