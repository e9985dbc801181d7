"""The provider's door: there, back again, and out."""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.views import LogoutView
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
    get_next_url,
)

from controlplane.audit import Outcome, record
from controlplane.identity.errors import NotSignedOn, ProviderAway
from controlplane.identity.models import User
from controlplane.identity.provider import published

from . import sign_in

logger = logging.getLogger(__name__)

NEXT, STATES = "oidc_login_next", "oidc_states"  # in the session, by the library's names
FORBIDDEN = 403
LEFT = "left"  # in the sign-in page's address: who left came by the provider


def where_there_is_one(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """A page that is there only with a provider; a refusal on it is a page too, with the way out."""

    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.OIDC_ISSUER:
            raise Http404
        try:
            return view(request, *args, **kwargs)
        except NotSignedOn as exc:
            return refused(
                request, exc.sentence, 503 if isinstance(exc, ProviderAway) else FORBIDDEN
            )

    return page


def refused(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """Both doors once more, and why this one did not open."""
    if status == FORBIDDEN:
        # Not what anybody could have written down without coming by the provider at all.
        who = f"somebody by {settings.OIDC_NAME}"
        record(
            "login.refused", actor="", target=who, outcome=Outcome.DENIED, after={"why": sentence}
        )
    # Kept by the library, so that it is of this host already.
    said = {**sign_in.doors(), "refused": sentence, "next": request.session.get(NEXT) or ""}
    return render(request, "console/sign_in.html", said, status=status)


@method_decorator([never_cache, where_there_is_one], name="dispatch")
class ToProvider(OIDCAuthenticationRequestView):  # type: ignore[misc]  # the library ships no types
    """To the provider, with a state, a nonce and a challenge that only this browser's session knows."""

    def __init__(self, **kwargs: Any) -> None:
        # Not the library's: the provider is asked when somebody comes, and not before.
        super(OIDCAuthenticationRequestView, self).__init__(**kwargs)

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            return redirect(
                get_next_url(request, "next") or resolve_url(settings.LOGIN_REDIRECT_URL)
            )
        self.OIDC_RP_CLIENT_ID = settings.OIDC_RP_CLIENT_ID
        self.OIDC_OP_AUTH_ENDPOINT = published.endpoints().authorization
        answer: HttpResponseBase = super().get(request)
        return answer


@method_decorator([never_cache, where_there_is_one], name="dispatch")
class FromProvider(OIDCAuthenticationCallbackView):  # type: ignore[misc]  # as above
    """Back, with a code or with a no."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if request.GET.get("error"):
            return self._was_refused(request)
        try:
            answer: HttpResponseBase = super().get(request)
        except SuspiciousOperation:
            return self._not_begun(request)
        return answer

    def login_success(self) -> HttpResponseBase:
        """In. What led here is of no more use."""
        answer: HttpResponseBase = super().login_success()
        for used in (NEXT, STATES):
            self.request.session.pop(used, None)
        return answer

    def login_failure(self) -> HttpResponseBase:
        """No code, or none that we asked for."""
        return self._not_begun(self.request)

    def _was_refused(self, request: HttpRequest) -> HttpResponse:
        """The provider's no. It ends the sign-in that it answers, and nobody's session.

        Anybody can have another's browser open this address.
        """
        states = request.session.get(STATES)
        if not isinstance(states, dict) or states.pop(request.GET.get("state", ""), None) is None:
            return self._not_begun(request)
        request.session.modified = True
        logger.info("the provider refused a sign-in: %.64r", request.GET["error"])
        return refused(
            request,
            f"{settings.OIDC_NAME} did not let you in here. Ask whoever looks after it, or try again.",
            FORBIDDEN,
        )

    def _not_begun(self, request: HttpRequest) -> HttpResponse:
        """An answer to nothing that this browser asked: used before, too old, or another's."""
        if request.user.is_authenticated:
            return redirect(settings.LOGIN_REDIRECT_URL)
        return refused(
            request,
            "That sign-in was used already, or was begun in another browser or long ago. Begin it anew.",
            400,
        )


class SignOut(LogoutView):
    """Out of here. Who came by the provider is told that it still knows them."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        user = request.user
        if isinstance(user, User) and not user.is_local:
            self.next_page = f"{reverse('console:sign-in')}?{LEFT}=yes"
        return super().post(request, *args, **kwargs)


@never_cache
@where_there_is_one
def out_of_provider(request: HttpRequest) -> HttpResponseBase:
    """Out of the provider too, and from there back to our door."""
    door = request.build_absolute_uri(reverse("console:sign-in"))
    end = published.endpoints().end_session
    if not end:
        return refused(
            request,
            f"{settings.OIDC_NAME} has no address to sign out by: do it on its own pages.",
            404,
        )
    back = {"client_id": settings.OIDC_RP_CLIENT_ID, "post_logout_redirect_uri": door}
    return redirect(f"{end}{'&' if '?' in end else '?'}{urlencode(back)}")
