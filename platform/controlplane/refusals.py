"""What a refusal is in HTTP: one table, for the pages and for the API."""

from controlplane.errors import Changed, DomainError, NotAllowed, NotNow
from controlplane.kube.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KubeError,
    Missing,
    Refused,
    Unreachable,
)
from controlplane.policies.errors import NotOpen, Overlapping, OwnExemption
from tenants.errors import AlreadyDecided, AlreadyWished, NotConfirmed, OwnRequest, PartlyMade

Refusal = DomainError | KubeError
HTTP_OF: tuple[tuple[type[Refusal], int], ...] = (
    (NotAllowed, 403),
    (OwnRequest, 403),
    (OwnExemption, 403),
    (Changed, 409),
    (NotNow, 409),
    (AlreadyDecided, 409),
    (AlreadyWished, 409),
    (NotOpen, 409),
    (Overlapping, 409),
    (PartlyMade, 409),
    (NotConfirmed, 409),
    (DomainError, 400),
    (Unreachable, 503),
    (Forbidden, 403),
    (Missing, 404),
    (Conflict, 409),
    (Invalid, 400),
    (KubeError, 502),
)
PASSED_ON = {410, 429}  # an API server's own words for "that cursor is old" and "not so fast"


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal."""
    if isinstance(refusal, Refused) and refusal.code in PASSED_ON:
        return refusal.code
    return next(status for kind, status in HTTP_OF if isinstance(refusal, kind))
