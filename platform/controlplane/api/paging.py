"""How lists are cut: by page, with the number of all."""

from rest_framework.pagination import PageNumberPagination


class Pages(PageNumberPagination):
    """`?page=2&page_size=50`; at most 500 a page."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500
