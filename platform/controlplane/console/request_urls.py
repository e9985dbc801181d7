"""Where the pages of asking and deciding are."""

from django.urls import path

from . import inbox, new_request, request_list, request_page

urlpatterns = [
    path("requests/", request_list.page, name="requests"),
    path("requests/new/", new_request.page, name="new-request"),
    path("requests/new/check/", new_request.check, name="new-request-check"),
    path("requests/drafts/<int:pk>/discard/", new_request.discard, name="discard-draft"),
    path("requests/<int:pk>/", request_page.page, name="request"),
    path("inbox/", inbox.page, name="inbox"),
    path("inbox/plans/", inbox.plans, name="inbox-plans"),
    path("inbox/together/", inbox.together, name="inbox-together"),
    path("inbox/decide/", inbox.decide, name="inbox-decide"),
]
