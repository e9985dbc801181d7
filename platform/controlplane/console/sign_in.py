"""Signing in with a local account."""

from django.contrib.auth.views import LoginView


class SignIn(LoginView):
    """A name and a password. Somebody who is signed in already goes where they wanted to go."""

    template_name = "console/sign_in.html"
    redirect_authenticated_user = True
