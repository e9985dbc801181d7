"""What a page answers where a service or a cluster said no: its sentence, and the status."""

from controlplane.errors import Changed, DomainError, NotAllowed
from controlplane.kube.errors import KubeError
from controlplane.policies.errors import NotOpen, Overlapping, OwnExemption
from tenants.errors import AlreadyDecided, AlreadyWished, OwnRequest, PartlyMade

Refusal = DomainError | KubeError
STATUS: tuple[tuple[type[Exception], int], ...] = (
    (NotAllowed, 403),
    (OwnRequest, 403),
    (OwnExemption, 403),
    (Changed, 409),
    (AlreadyDecided, 409),
    (AlreadyWished, 409),
    (PartlyMade, 409),
    (NotOpen, 409),
    (Overlapping, 409),
    (DomainError, 400),
    (KubeError, 503),
)


def status_of(exc: Refusal) -> int:
    """The HTTP status for a refusal."""
    return next(status for kind, status in STATUS if isinstance(exc, kind))
