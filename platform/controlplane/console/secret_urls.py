"""Where the pages about a team's secrets are."""

from django.urls import path

from . import new_secret, secret_list, secret_page

urlpatterns = [
    path("secrets/", secret_list.page, name="secrets"),
    path("secrets/new/", new_secret.page, name="new-secret"),
    path("secrets/<int:pk>/", secret_page.page, name="secret"),
]
