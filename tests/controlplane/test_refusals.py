"""What a refusal is in HTTP, whichever face tells it."""

import pytest

from controlplane.errors import Changed, DomainError, NotAllowed, NotNow
from controlplane.kube.errors import HelmFailed, KubeError, TooLarge, Unreachable, refused
from controlplane.refusals import Refusal, status_of
from tenants.errors import AlreadyDecided, OwnRequest


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (DomainError("no"), 400),
        (NotAllowed("no"), 403),
        (OwnRequest("no"), 403),
        (NotNow("no", code="paused"), 409),
        (Changed("no"), 409),
        (AlreadyDecided("no"), 409),
        (Unreachable("no"), 503),
        (KubeError("no"), 502),
        (TooLarge("no"), 502),
        (HelmFailed("no"), 502),
        *(
            (refused(said, {"message": "no"}), status)
            for said, status in {
                400: 400,
                401: 403,
                403: 403,
                404: 404,
                409: 409,
                410: 410,
                422: 400,
                429: 429,
                500: 502,
            }.items()
        ),
    ],
)
def test_each_refusal_has_one_status(refusal: Refusal, status: int) -> None:
    assert status_of(refusal) == status
