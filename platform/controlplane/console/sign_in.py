"""The door: both ways in, a local account's own, and what is said to whoever was sent there."""

from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from controlplane.identity import guessing

from .people import ENDED, to_sign_in

WARN_AT = 3  # wrong passwords that are left: from here on it is said


class SignIn(LoginView):
    """A name and a password. Somebody who is signed in already goes where they wanted to go."""

    template_name = "console/sign_in.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With what is to be said of the session that brought them here, if one did."""
        found: dict[str, Any] = super().get_context_data(**kwargs)
        left = bool(settings.OIDC_ISSUER and self.request.GET.get("left"))
        return found | doors() | {"ended": self.request.GET.get(ENDED, ""), "left_provider": left}

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Wrong; near the end of the tries, with how many are left."""
        left = guessing.tries_left(self.request, form.data.get("username", ""))
        context = self.get_context_data(form=form, left=left if left <= WARN_AT else None)
        return self.render_to_response(context)


def doors() -> dict[str, str]:
    """The provider by its name, where there is one: its door stands beside that of local accounts."""
    return {"provider": settings.OIDC_NAME if settings.OIDC_ISSUER else ""}


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any) -> HttpResponse:  # noqa: ARG001
    """The answer to a form; the API shapes its own (`controlplane.api.tokens`)."""
    said = {"locked": guessing.SENTENCE, "next": request.POST.get("next", "")}
    return render(request, "console/sign_in.html", said, status=429)


def stale(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """A form that is older than the sign-in it was sent with: nothing is done, and nothing is lost."""
    if not request.user.is_authenticated and settings.SESSION_COOKIE_NAME in request.COOKIES:
        return redirect(to_sign_in(request, sent=True))
    return render(request, "console/stale.html", status=403)
