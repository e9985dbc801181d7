"""How much may be guessed: wrong passwords at either door, and tokens that nobody was given."""

import time
from contextlib import suppress

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

MINUTE = 60
SENTENCE = "Too many wrong passwords for that name from your address. Wait 15 minutes."


def tries_left(request: HttpRequest, username: str) -> int:
    """How many wrong passwords for this name may still come from this address."""
    failures = AxesProxyHandler.get_failures(request, {"username": username})
    return max(int(settings.AXES_FAILURE_LIMIT) - int(failures), 0)


class Tries:
    """So many tries a minute from one address; the rest of that minute it is told to wait.

    Kept by each process for itself: it is against noise, for a token is not to be guessed.
    """

    def __init__(self, what: str, most: int) -> None:
        self._what, self._most = what, most

    def wait_for(self, address: str) -> float:
        """How many seconds this address has to wait; 0 for none."""
        now = time.time()
        return MINUTE - now % MINUTE if cache.get(self._key(address, now), 0) >= self._most else 0

    def count(self, address: str) -> None:
        """One more."""
        key = self._key(address, time.time())
        if not cache.add(key, 1, timeout=MINUTE):
            with suppress(ValueError):  # it was forgotten just now
                cache.incr(key)

    def _key(self, address: str, now: float) -> str:
        return f"argosy-tries:{self._what}:{address}:{int(now // MINUTE)}"


wrong_tokens = Tries("tokens", 60)
wrong_logouts = Tries("logouts", 30)
