"""Where every page of the console is. A page's address is a promise: it stays valid."""

from django.urls import path, re_path

from controlplane.argo.verbs import Verb

from . import (
    audit,
    back_channel,
    crons,
    home,
    image_urls,
    kubeconfigs,
    namespace,
    namespaces,
    progress,
    request_urls,
    search,
    secret_urls,
    sign_in,
    sign_on,
    submit,
    switching,
    teams,
    theme,
    token_pages,
    usage_urls,
    why,
    workflow,
    workflow_log,
    workflows,
    your_access,
)

app_name = "console"

# An object's name is part of a URL of the cluster's: only what can be one gets that far.
NAME = "(?P<name>[a-z0-9][-a-z0-9.]{0,252})"
WORKFLOW = rf"^namespaces/(?P<pk>[0-9]{{1,18}})/workflows/{NAME}/"

urlpatterns = [
    path("", home.home, name="home"),
    path("switch/", switching.switch, name="switch"),
    path("teams/", teams.teams, name="teams"),
    path("namespaces/", namespaces.namespaces, name="namespaces"),
    path("namespaces/<int:pk>/", namespace.namespace, name="namespace"),
    path("namespaces/<int:pk>/release/", namespace.release, name="release"),
    path("namespaces/<int:pk>/told/", namespace.told, name="told"),
    path("namespaces/<int:pk>/inside/", namespace.inside, name="inside"),
    path("namespaces/<int:pk>/turns/", namespace.turns, name="turns"),
    path("namespaces/<int:pk>/progress/", progress.progress, name="progress"),
    path("namespaces/<int:pk>/try-now/", progress.try_now, name="try-now"),
    path("namespaces/<int:pk>/access/", why.page, name="why"),
    path("kubeconfigs/", kubeconfigs.page, name="kubeconfigs"),
    path("kubeconfigs/<uuid:pk>/revoke/", kubeconfigs.revoke, name="revoke-kubeconfig"),
    path("audit/", audit.page, name="audit"),
    path("audit/export.csv", audit.as_csv, name="audit-csv"),
    path("search/", search.search, name="search"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-in/provider/", sign_on.ToProvider.as_view(), name="provider"),
    path("sign-in/provider/back/", sign_on.FromProvider.as_view(), name="from-provider"),
    path("sign-out/", sign_on.SignOut.as_view(), name="sign-out"),
    path("sign-out/said-over/", back_channel.said_over, name="said-over"),
    path("sign-out/provider/", sign_on.out_of_provider, name="out-of-provider"),
    path("me/", your_access.page, name="me"),
    path("tokens/", token_pages.page, name="tokens"),
    path("tokens/<int:pk>/end/", token_pages.end, name="end-token"),
    path("theme/", theme.choose, name="theme"),
    *request_urls.urlpatterns,
    *image_urls.urlpatterns,
    *secret_urls.urlpatterns,
    *usage_urls.urlpatterns,
    path("workflows/", workflows.workflows, name="workflows"),
    path("workflows/views/", workflows.keep_view, name="keep-view"),
    path("workflows/namespaces/", workflows.names, name="workflow-names"),
    path("workflows/submit/", submit.submit, name="submit"),
    path("workflows/submit/namespaces/", submit.names, name="submit-names"),
    re_path(rf"{WORKFLOW}\Z", workflow.workflow, name="workflow"),
    re_path(rf"{WORKFLOW}log/\Z", workflow_log.log, name="workflow-log"),
    re_path(rf"{WORKFLOW}(?P<verb>{'|'.join(Verb)})/\Z", workflow.act, name="workflow-act"),
    re_path(rf"{WORKFLOW}delete/\Z", workflow.delete, name="workflow-delete"),
    path("crons/", crons.crons_page, name="crons"),
    re_path(
        rf"^crons/(?P<pk>[0-9]{{1,18}})/{NAME}/(?P<verb>suspend|resume)/\Z",
        crons.act,
        name="cron-act",
    ),
]
