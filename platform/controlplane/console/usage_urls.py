"""Where usage, its cost and the fleet are."""

from django.urls import path, re_path

from . import chargeback, controllers, fleet, usage

urlpatterns = [
    path("usage/", usage.page, name="usage"),
    path("usage/csv/", usage.as_csv, name="usage-csv"),
    path("usage/controllers/", controllers.of_team, name="usage-controllers"),
    path("chargeback/", chargeback.page, name="chargeback"),
    path("chargeback/csv/", chargeback.as_csv, name="chargeback-csv"),
    path("controllers/", controllers.of_fleet, name="fleet-controllers"),
    path("fleet/", fleet.page, name="fleet"),
    re_path(r"^fleet/(?P<name>[a-z0-9][-a-z0-9]{0,62})/\Z", fleet.cluster, name="fleet-cluster"),
]
