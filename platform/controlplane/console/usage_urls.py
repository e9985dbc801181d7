"""Where usage, its cost and the fleet are."""

from django.urls import path, re_path

from . import chargeback, fleet, usage

urlpatterns = [
    path("usage/", usage.page, name="usage"),
    path("usage/csv/", usage.as_csv, name="usage-csv"),
    path("chargeback/", chargeback.page, name="chargeback"),
    path("chargeback/csv/", chargeback.as_csv, name="chargeback-csv"),
    path("fleet/", fleet.page, name="fleet"),
    re_path(r"^fleet/(?P<name>[a-z0-9][-a-z0-9]{0,62})/\Z", fleet.cluster, name="fleet-cluster"),
]
