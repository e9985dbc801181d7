"""Why somebody may do something in a namespace, or why not: a chain from their group to a rule."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.access.explaining import does, explain_to
from controlplane.errors import NotAllowed
from controlplane.identity.models import User
from tenants.levels import Act, Level

from .asked_for import text
from .elsewhere import curl
from .namespace import the_namespace
from .people import signed_in


@signed_in
def page(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The answer for oneself, or for `?person=` where the one who asks may know."""
    namespace = the_namespace(user, pk)
    asked = text(request, "act")
    act = Act(asked) if asked in list(Act) else Act.SUBMIT_WORKFLOWS
    username, refused = text(request, "person") or user.username, ""
    try:
        found = explain_to(user, namespace, act, about=username)
    except NotAllowed as exc:
        username, refused = user.username, exc.sentence
        found = explain_to(user, namespace, act)
    name = f"{namespace.cluster.name}/{namespace.name}"
    context = {
        "namespace": namespace,
        "found": found,
        "refused": refused,
        "asks_others": user.sees_all or namespace.team.level_of(user) is Level.OWNER,
        "username": username,
        "act": act,
        "acts": [(each.value, does(each)) for each in Act],
        "behind": [
            ("Terminal", f"argosy namespace why {name} --act {act}"),
            ("API", curl(f"namespaces/{namespace.pk}/access/?act={act}")),
        ],
    }
    return render(request, "console/why.html", context, status=403 if refused else 200)
