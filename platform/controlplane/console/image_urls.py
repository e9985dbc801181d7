"""Where the pages about images are. `v/` is short: it stands in every denial."""

from django.urls import path, re_path

from . import exemption_list, exemption_page, images, new_exemption, violation_list, violation_page

urlpatterns = [
    path("namespaces/<int:pk>/images/", images.page, name="images"),
    path("violations/", violation_list.page, name="violations"),
    path("violations/export.csv", violation_list.as_csv, name="violations-csv"),
    path("v/", violation_page.by_image, name="violation-of-image"),
    re_path(r"^v/(?P<same>[0-9a-f]{32})/\Z", violation_page.page, name="violation"),
    path("exemptions/", exemption_list.page, name="exemptions"),
    path("exemptions/new/", new_exemption.page, name="new-exemption"),
    path("exemptions/<int:pk>/", exemption_page.page, name="exemption"),
]
