"""Where the provider says that a session of somebody's there is over."""

import logging

from django.conf import settings
from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from controlplane.identity import back_channel
from controlplane.identity.errors import ProviderAway
from controlplane.identity.guessing import wrong_logouts

logger = logging.getLogger(__name__)


@csrf_exempt  # no browser comes here: what is believed is signed by the provider
@never_cache
@require_POST
def said_over(request: HttpRequest) -> JsonResponse:
    """200 for what is believed, 400 with the reason for all else, as the standard wants it."""
    if not settings.OIDC_ISSUER:
        raise Http404
    # Each wrong one may have us look for a key at the provider: from one address not without end.
    now, address = timezone.now(), str(request.META.get("REMOTE_ADDR", ""))
    if wrong_logouts.wait_for(address):
        return _refused("Too many that were not believed.", status=429)
    try:
        said = back_channel.believed(request.POST.get("logout_token", ""), now=now)
    except ProviderAway as exc:
        return _refused(exc.sentence, status=503)
    except back_channel.NotBelieved as exc:
        wrong_logouts.count(address)
        logger.warning("a logout token was not believed: %s", exc)
        return _refused(str(exc), status=400)
    ended = back_channel.end(said, now=now)
    logger.info("the provider ended a session: %d of ours", ended)
    return JsonResponse({})


def _refused(sentence: str, *, status: int) -> JsonResponse:
    return JsonResponse({"error": "invalid_request", "error_description": sentence}, status=status)
