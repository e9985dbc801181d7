"""Who vouches for people at Argo's servers, and which namespaces have a server: from settings and secrets.

A server cannot start without an OIDC client of its own, which is one of the team's secrets; where there is
none there is no server, and no token for it.
"""

from string import Formatter
from urllib.parse import urlsplit

from django.conf import settings

from controlplane.errors import DomainError
from tenants.spec import NamespaceSpec

from .argo_access import Provider, Server


def provider() -> Provider | None:
    """The provider; None where there is none, or nothing of Argo's is to go by it.

    Raises NoGroups where something is and the provider is not said to send groups: nothing is rendered then.
    """
    if not settings.OIDC_ISSUER or not (settings.ARGO_GROUPS_FROM or settings.ARGO_SERVER_IMAGE):
        return None
    return Provider(
        issuer=settings.OIDC_ISSUER,
        groups_from=settings.ARGO_GROUPS_FROM,
        groups_claim=settings.OIDC_GROUPS_CLAIM,
        userinfo_path=settings.ARGO_USERINFO_PATH,
        # Argo asks for `openid` itself.
        scopes=tuple(s for s in settings.OIDC_RP_SCOPES.split() if s != "openid"),
        root_ca=settings.ARGO_SSO_CA,
        session_minutes=settings.ARGO_SESSION_MINUTES,
    )


def server_of(spec: NamespaceSpec) -> Server | None:
    """The namespace's server; None where there is no image, no provider, or no client for it."""
    vouching = provider() if settings.ARGO_SERVER_IMAGE else None
    client = spec.wiring.get("sso") or {}
    # A client of another provider's would let in whomever that one puts into groups of these names, and who
    # leaves them would not be heard of here.
    if vouching is None or client.get("issuer", "").rstrip("/") != vouching.issuer.rstrip("/"):
        return None
    issuer = urlsplit(vouching.issuer)
    return Server(
        client=client["clientId"]["name"],
        host=settings.ARGO_SERVER_HOST.format(namespace=spec.name, cluster=spec.cluster.name),
        ingress_class=settings.ARGO_SERVER_INGRESS_CLASS,
        ingress_namespace=settings.ARGO_SERVER_INGRESS_NAMESPACE,
        networks=tuple(settings.ARGO_SSO_NETWORKS),
        provider_port=issuer.port or (80 if issuer.scheme == "http" else 443),
    )


def problem() -> str:
    """What is wrong with the settings, for whoever starts the platform; '' if nothing."""
    if not settings.ARGO_SERVER_IMAGE and not settings.ARGO_GROUPS_FROM:
        return ""
    if not settings.OIDC_ISSUER:
        return "Argo's rules and servers need a provider: set ARGOSY_OIDC_ISSUER."
    try:
        provider()
    except DomainError as exc:
        return exc.sentence
    if not settings.ARGO_SERVER_IMAGE:
        return ""
    # One host a namespace: with a path of one host for all, each would be sent the others' sessions.
    host = settings.ARGO_SERVER_HOST
    if not _is_host_for_each(host):
        return (
            f"ARGOSY_ARGO_SERVER_HOST is {host!r}: each namespace's server needs a host of its own, as in "
            "{namespace}.{cluster}.argo.example.com."
        )
    return ""


def _is_host_for_each(pattern: str) -> bool:
    """Whether two namespaces, or one name on two clusters, never get the same host by this pattern."""
    try:
        parts = [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]
    except ValueError:
        return False
    return set(parts) == {"namespace", "cluster"}
