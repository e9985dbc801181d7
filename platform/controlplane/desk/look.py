"""How the desk looks: unfold's settings, with our name, mark, colours and pages."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def mark(_: HttpRequest) -> str:
    """Our mark, as the console has it."""
    return static("console/mark.svg")


def styles(_: HttpRequest) -> str:
    """Our tokens and components; unfold's own sheet is not loaded."""
    return static("desk/desk.css")


def scripts(_: HttpRequest) -> str:
    """What saves a click at the desk; nothing waits for it."""
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
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "SIDEBAR": {
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Fleet",
                "items": [
                    {
                        "title": "Overview",
                        "icon": "overview",
                        "link": reverse_lazy("admin:index"),
                    },
                    page("Namespaces", "namespaces", "tenants.tenantnamespace"),
                    page("Turns", "turns", "provisioning.turn"),
                    page("Clusters", "clusters", "clusters.cluster"),
                    page("Rooms", "rooms", "placement.room"),
                ],
            },
            {
                "title": "Teams",
                "items": [
                    page("Teams", "teams", "tenants.team"),
                    page("Tiers", "tiers", "tenants.tier"),
                ],
            },
            {"title": "Usage", "items": [page("Prices", "tiers", "metrics.price")]},
            {
                "title": "Decisions",
                "items": [
                    page("Requests", "requests", "tenants.request"),
                    page("Image exemptions", "exemptions", "policies.imageexemption"),
                ],
            },
            {
                "title": "Images",
                "items": [
                    page("Policies", "shield", "policies.imagepolicy"),
                    page("Roll-outs", "rollouts", "policies.rollout"),
                    page("Violations", "violations", "policies.violation"),
                    page("Scans", "scans", "policies.scan"),
                    page("Artifacts", "artifacts", "policies.artifact"),
                    page("Signing keys", "key", "policies.signingkey"),
                    page("Stand-downs", "stand-downs", "policies.standdown"),
                    page("Agents", "agents", "policies.agenttoken"),
                ],
            },
            {
                "title": "Access",
                "items": [
                    page("People", "person", "identity.user"),
                    page("API tokens", "key", "identity.apitoken"),
                    page("Wrong passwords", "shield", "axes.accessattempt"),
                ],
            },
        ],
    },
}
