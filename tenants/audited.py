"""Which acts a person reads of: platform admins and auditors all, owners their teams', each their own."""

from django.db.models import Q

from controlplane.audit.models import Event, Events
from controlplane.identity.models import User

from .models import Team


def events_for(user: User) -> Events:
    """What this person may see was done; what is of no team is the platform's own."""
    events: Events = Event.objects.all()
    if sees_all(user):
        return events
    owned = Team.objects.owned_by(user).values("slug")
    return events.filter(Q(team__in=owned) | Q(actor=user.get_username()))


def sees_all(user: User) -> bool:
    """Whether nothing of what was done is hidden from them. Approvers decide, and look over nobody."""
    return user.is_platform_admin or user.is_auditor
