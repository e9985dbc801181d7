"""How our way of signing in is told in the API's schema."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # finds itself by this
    """`Authorization: Bearer argosy_…`."""

    target_class = "controlplane.identity.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:  # noqa: ARG002
        return {"type": "http", "scheme": "bearer"}


class AgentScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # finds itself by this
    """`Authorization: Bearer argosy_agent_…`."""

    target_class = "controlplane.api.agents.AgentAuthentication"
    name = "agent"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:  # noqa: ARG002
        return {"type": "http", "scheme": "bearer"}
