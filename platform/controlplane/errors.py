"""What went wrong for a person: a code for programs, a sentence for people."""


def ended(words: str) -> str:
    """What a program said, with the end of a sentence: what follows it begins a new one."""
    return words if not words or words.endswith((".", "!", "?")) else f"{words}."


class DomainError(Exception):
    """A wish that cannot be taken. `code` is stable; the sentence names the thing and the way out."""

    code = "refused"

    def __init__(self, sentence: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        if code is not None:
            self.code = code


class NotAllowed(DomainError):
    """The person may see the thing, but not do this to it."""

    code = "not_allowed"


class Changed(DomainError):
    """What the person decided about is no longer what is there."""

    code = "changed"


class NotNow(DomainError):
    """It may be done, but not in the state that the thing is in."""

    code = "not_now"
