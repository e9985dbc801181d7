from django.apps import AppConfig


class BookmarksConfig(AppConfig):
    name = "controlplane.bookmarks"
    label = "bookmarks"
