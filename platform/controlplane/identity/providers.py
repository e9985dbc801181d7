"""The identity provider of the settings, as the one who asks it again needs to know it."""

from django.conf import settings

from .asking import Provider
from .errors import NotSignedOn
from .provider import published


def current() -> Provider | None:
    """The provider people sign in by; None where there is none, or none that says where it is asked."""
    if not settings.OIDC_ISSUER:
        return None
    try:
        endpoints = published.endpoints()
    except NotSignedOn:  # it does not answer, or not as itself; which of them is in the log
        return None
    return Provider(
        issuer=endpoints.issuer,
        token_url=endpoints.token,
        userinfo_url=endpoints.userinfo,
        client_id=settings.OIDC_RP_CLIENT_ID,
        client_secret=settings.OIDC_RP_CLIENT_SECRET,
        groups_claim=settings.OIDC_GROUPS_CLAIM,
    )
