"""A named link to a page as somebody filtered and sorted it."""

from django.db import models

from controlplane.identity.models import User


class Bookmark(models.Model):
    """One person's name for one view. It opens nothing: whoever follows it sees what they may see."""

    person = models.ForeignKey(User, models.CASCADE, related_name="bookmarks")
    page = models.CharField(max_length=40)  # which page it is a view of
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "page", "name"], name="a_persons_views_have_names"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.person_id}"
