"""How a policy, an exemption or a push can be refused."""

from controlplane.errors import DomainError


class BadPolicy(DomainError):
    """The policy says something that cannot be, or must not be."""

    code = "bad_policy"


class OwnExemption(DomainError):
    """Nobody decides on an exemption they asked for."""

    code = "own_exemption"


class NotOpen(DomainError):
    """The exemption, or the stand-down, is not what it must be for this: decided, or over."""

    code = "not_open"


class Overlapping(DomainError):
    """Another exemption of the same image covers part of the same time."""

    code = "overlapping"


class TooDear(DomainError):
    """The API server could not hold the rules, or not afford to look at them."""

    code = "too_dear"
