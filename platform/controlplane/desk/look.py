"""How the desk looks: unfold's settings, with our name, mark, colours and pages."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def mark(_: HttpRequest) -> str:
    """Our mark, as the console has it."""
    return static("console/mark.svg")


def styles(_: HttpRequest) -> str:
    """Our tokens and components, after unfold's."""
    return static("desk/desk.css")


def scripts(_: HttpRequest) -> str:
    """What Alpine's strict build wants to be told."""
    return static("desk/desk.js")


def page(title: str, icon: str, model: str) -> dict[str, Any]:
    """A line of the sidebar: a list of rows, for who may see them."""
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Argosy",
    "SITE_HEADER": "Argosy",
    "SITE_SUBHEADER": "Platform desk",
    "SITE_URL": "/",
    "SITE_ICON": mark,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": mark}],
    "SHOW_HISTORY": True,
    "SHOW_BACK_BUTTON": False,
    "STYLES": [styles],
    "SCRIPTS": [scripts],
    "COLORS": {},  # in desk.css: a strict policy has no styles inside pages
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "COMMAND": {"search_models": True, "show_history": False},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Fleet",
                "items": [
                    {
                        "title": "Overview",
                        "icon": "sailing",
                        "link": reverse_lazy("admin:index"),
                    },
                    page("Namespaces", "deployed_code", "tenants.tenantnamespace"),
                    page("Turns", "sync", "provisioning.turn"),
                    page("Clusters", "hub", "clusters.cluster"),
                ],
            },
            {
                "title": "Teams",
                "items": [
                    page("Teams", "groups", "tenants.team"),
                    page("Tiers", "stacks", "tenants.tier"),
                ],
            },
            {
                "title": "Decisions",
                "items": [
                    page("Requests", "inbox", "tenants.request"),
                    page("Image exemptions", "rule", "policies.imageexemption"),
                ],
            },
            {
                "title": "Images",
                "items": [
                    page("Policies", "policy", "policies.imagepolicy"),
                    page("Roll-outs", "trending_up", "policies.rollout"),
                    page("Violations", "report", "policies.violation"),
                    page("Scans", "radar", "policies.scan"),
                    page("Artifacts", "verified", "policies.artifact"),
                    page("Signing keys", "signature", "policies.signingkey"),
                    page("Stand-downs", "power_settings_new", "policies.standdown"),
                    page("Agents", "smart_toy", "policies.agenttoken"),
                ],
            },
            {
                "title": "People",
                "items": [
                    page("People", "person", "identity.user"),
                    page("API tokens", "key", "identity.apitoken"),
                    page("Wrong passwords", "gpp_maybe", "axes.accessattempt"),
                ],
            },
        ],
    },
}
