"""Where every page of the console is. A page's address is a promise: it stays valid."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from . import home, namespace, namespaces, progress, request_urls, search, sign_in, teams, theme

app_name = "console"

urlpatterns = [
    path("", home.home, name="home"),
    path("teams/", teams.teams, name="teams"),
    path("namespaces/", namespaces.namespaces, name="namespaces"),
    path("namespaces/<int:pk>/", namespace.namespace, name="namespace"),
    path("namespaces/<int:pk>/release/", namespace.release, name="release"),
    path("namespaces/<int:pk>/progress/", progress.progress, name="progress"),
    path("namespaces/<int:pk>/try-now/", progress.try_now, name="try-now"),
    path("search/", search.search, name="search"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("theme/", theme.choose, name="theme"),
    *request_urls.urlpatterns,
]
