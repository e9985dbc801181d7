"""How much may be guessed: wrong passwords at either door, and tokens that nobody was given."""

import time

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

    def __init__(self, most: int) -> None:
        self._most = most

    def wait_for(self, address: str) -> float:
        """Counts one; how many seconds to wait, 0 for none."""
        now = time.time()
        minute, left = int(now // MINUTE), MINUTE - now % MINUTE
        key = f"argosy-tries:{address}:{minute}"
        cache.add(key, 0, timeout=MINUTE)
        try:
            tries = cache.incr(key)
        except ValueError:  # just forgotten
            return 0
        return left if tries > self._most else 0


wrong_tokens = Tries(60)
