"""How a cluster or helm can fail us: these errors and no others leave the door."""

from collections.abc import Mapping
from typing import Any

LONGEST_SENTENCE = 1000


class KubeError(Exception):
    """A cluster did not do what we asked."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence[:LONGEST_SENTENCE])
        self.sentence = sentence[:LONGEST_SENTENCE]


class Unreachable(KubeError):
    """No answer: refused, timed out, or the certificate was not the cluster's."""


class Silent(Unreachable):
    """Nobody refused us, and no answer came in time: it may be slow, hang, or be gone."""


class CutOff(Unreachable):
    """The connection ended before the answer did: what was asked may have been done."""


class Untrusted(Unreachable):
    """Who answers shows a certificate that the kubeconfig gives no reason to believe: nothing was said."""


class Sealed(Unreachable):
    """Our credential for it cannot be opened: nothing was asked."""


class Another(KubeError):
    """Who answers is not the cluster that we mean: nothing else was asked of it."""


class TooLarge(KubeError):
    """The answer has more bytes than are read: what it says is not known."""


class Refused(KubeError):
    """The API server answered, and the answer was no. `status` is its own Status object."""

    def __init__(self, sentence: str, *, code: int, status: Mapping[str, Any]) -> None:
        super().__init__(sentence)
        self.code = code
        self.status = status


class Missing(Refused):
    """There is no such thing (404)."""


class Forbidden(Refused):
    """Our account may not do that, or a policy of the cluster refuses it (401, 403)."""


class Conflict(Refused):
    """Somebody else changed it in between, or it exists already (409)."""


class Invalid(Refused):
    """The API server understood and rejects the content (400, 422): the same again is no use."""


class Expired(Refused):
    """What was asked to go on from is no longer kept (410): list again, and go on from there."""


class HelmFailed(KubeError):
    """helm ended with an error; the sentence is helm's own last one."""


class ChartBroken(HelmFailed):
    """The chart cannot be rendered with these values: a mistake of the platform's, not of a cluster."""


class HelmTimedOut(HelmFailed):
    """helm did not end by its deadline and was killed."""


_BY_CODE: dict[int, type[Refused]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: Missing,
    409: Conflict,
    410: Expired,
    422: Invalid,
}


UNAUTHORIZED = 401


def refused(code: int, status: Mapping[str, Any]) -> Refused:
    """The error for an answer of `code`; 429 and 5xx stay plain `Refused`, which may be retried."""
    sentence = str(status.get("message") or status.get("reason") or f"HTTP {code}")
    if code == UNAUTHORIZED:
        sentence = (
            f"The cluster refuses this credential (401 {sentence}): it is another's, or has ended."
        )
    return _BY_CODE.get(code, Refused)(sentence, code=code, status=status)
