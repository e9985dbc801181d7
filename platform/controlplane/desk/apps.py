from typing import Any

import orjson
from django.apps import AppConfig
from django.contrib.admin import apps as django_admin
from django.utils.html import format_html
from django.utils.safestring import SafeString


def json_as_text(data: Any, _encoder: Any) -> SafeString:
    """JSON that is only read, indented; its colours would be inline styles, which our policy refuses."""
    text = orjson.dumps(data, default=str, option=orjson.OPT_INDENT_2).decode()
    return format_html('<pre class="code">{}</pre>', text)


class DeskConfig(AppConfig):
    name = "controlplane.desk"
    label = "desk"
    default = True

    def ready(self) -> None:
        # Unfold asks for models, which are loaded now.
        from unfold import fields  # noqa: PLC0415
        from unfold.templatetags import unfold_list  # noqa: PLC0415

        fields.prettify_json = json_as_text
        # Thirty classes a cell were half of a list's bytes; desk.css says the same once.
        unfold_list.ROW_CLASSES[:] = ["cell"]
        unfold_list.CHECKBOX_CLASSES[:] = ["cell", "action-checkbox"]


class DeskAdminConfig(django_admin.AdminConfig):
    """Django's admin, with our site in place of its own."""

    default_site = "controlplane.desk.site.Desk"
    default = False
