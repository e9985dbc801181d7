"""Which groups some team is named by: for those alone it is worth keeping that a person has them."""

from collections.abc import Set as AbstractSet

from .models import Team


def of_teams(groups: AbstractSet[str]) -> set[str]:
    """Those of these groups that are a level of a team.

    The teams are read, and not asked for each group: so four hundred groups cost what four do.
    """
    named = Team.objects.order_by().values_list("owner_group", "member_group", "viewer_group")
    return {group for row in named.iterator() for group in row if group in groups}
