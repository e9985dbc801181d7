"""Where every page of the console is. A page's address is a promise: it stays valid."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from . import home, request_urls, sign_in, theme

app_name = "console"

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("theme/", theme.choose, name="theme"),
    *request_urls.urlpatterns,
]
