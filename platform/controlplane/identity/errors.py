"""Why somebody could not sign in by their provider, each with the way out."""

from controlplane.errors import DomainError


class NotSignedOn(DomainError):
    """The provider's word was not enough to let somebody in."""

    code = "not_signed_on"


class ProviderAway(NotSignedOn):
    """It does not answer, or not in time: nobody was refused, and later it may go."""

    code = "provider_away"


class NoGroups(NotSignedOn):
    """It said who somebody is, and nothing of their groups: not even that there are none."""

    code = "no_groups"
