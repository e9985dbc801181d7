"""How a wish can be refused."""

from controlplane.errors import DomainError


class NameTaken(DomainError):
    """Another live namespace on that cluster has the name."""

    code = "name_taken"


class OverBudget(DomainError):
    """The team's budget does not hold this too."""

    code = "over_budget"


class OwnRequest(DomainError):
    """Nobody decides on their own request."""

    code = "own_request"


class AlreadyDecided(DomainError):
    """The request is not waiting for a decision any more."""

    code = "already_decided"


class PartlyMade(DomainError):
    """Something of it may be in the cluster: it cannot end without an approved delete."""

    code = "partly_made"


class AlreadyWished(DomainError):
    """It was approved once: its wish is written, and what is asked can change no more."""

    code = "already_wished"


class NotConfirmed(DomainError):
    """It can be kept, but is odd enough that a person has to say that it is meant."""

    code = "not_confirmed"


class TooManyDrafts(DomainError):
    """A person keeps only so many drafts."""

    code = "too_many_drafts"
