"""What a sign-in and a sign-out leave behind: a grant that the session is bound to, and its end."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from . import grants
from .models import Grant, User
from .sign_on import signed_on


@receiver(user_logged_in, dispatch_uid="grant-kept")
def _keep(request: HttpRequest, user: User, **_: Any) -> None:
    """Who came by the provider is asked about again, by what it gave for that."""
    given = signed_on(request)
    if given is None or given.user.pk != user.pk:
        return
    grant = grants.keep(user=user, refresh_token=given.refresh_token, sid=given.sid, now=given.now)
    request.session[grants.IN_SESSION] = str(grant.pk)


@receiver(user_logged_out, dispatch_uid="grant-signed-out")
def _sign_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    """Before the session is emptied: it says which sign-in is over."""
    if user is None or not (pk := request.session.get(grants.IN_SESSION)):
        return
    for grant in Grant.objects.filter(pk=pk, user=user):
        grants.sign_out(grant, now=timezone.now())
