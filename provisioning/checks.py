"""What is wrong with the Argo that this platform would install, told before anything is."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's word

from controlplane.advisories.lookup import Flag, known
from controlplane.errors import DomainError

from . import sign_on
from .render import check_argo

SAID = {Flag.VULNERABLE, Flag.ENDED, Flag.ENDING, Flag.UNKNOWN}


@register
def argo_version(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """An error for what would be refused, a warning for what is not well."""
    version = settings.ARGO_VERSION
    try:
        check_argo(version)
    except DomainError as exc:
        return [Error(exc.sentence, hint="Set ARGOSY_ARGO_VERSION.", id="argosy.E001")]
    standing = known(version)
    if not SAID & set(standing.flags):
        return []
    said = " ".join(standing.sentences)
    hint = f"{standing.way_out} Set ARGOSY_ARGO_VERSION.".strip()
    return [Warning(f"Teams get Argo {version}. {said}", hint=hint, id="argosy.W001")]


@register
def argo_sign_on(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """An error for settings by which Argo's servers would let in the wrong people, or nobody."""
    said = sign_on.problem()
    return [Error(said, id="argosy.E002")] if said else []
