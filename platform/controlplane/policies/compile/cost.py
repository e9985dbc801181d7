"""What would this cost the API server? CEL's own arithmetic, as cel-go and Kubernetes count it.

An expression that is too dear ends in an error, and an error is a denial: nobody could run anything.
So it is worked out where policies are saved, for an object larger than any we know.
"""

from math import ceil

EXPRESSION_LIMIT = 1_000_000
POLICY_LIMIT = 10_000_000
AFFORDED = 0.5  # of a limit

MANY_IMAGES = 400  # of one object, all different; Argo keeps so many stored templates
LONG_IMAGE = 160  # characters: registry, repository, tag and digest
LONG_NAME = 80

# Reading one name: taken apart, its parts held to their patterns, put together again.
READING = 800


def matching(text: int, pattern: int) -> int:
    """`matches` of a text of this length."""
    return ceil((text + 1) * 0.1) * ceil(pattern * 0.25)


def comparing(entries: int, prefixes: int) -> int:
    """One name looked for among entries and prefixes."""
    return 2 * entries + prefixes * (3 + ceil(LONG_NAME * 0.1)) + 20


def judging(entries: int, prefixes: int, *, form: int = 0, images: int = MANY_IMAGES) -> int:
    """The dearest expression of a policy, for an object with so many images."""
    each = max(READING, comparing(entries, prefixes) + matching(128, form))
    return images * each


def telling_new(exempt: int, *, images: int = MANY_IMAGES) -> int:
    """Each image looked for among those there were before, and among those that are exempted."""
    return images * (images + exempt + 20)


def routing(patterns: int, longest: int, *, images: int = MANY_IMAGES) -> int:
    """A match condition that holds each image to so many patterns."""
    return images * (60 + patterns * matching(LONG_IMAGE, longest))


def affordable(cost: int, limit: int) -> bool:
    """Whether it leaves half of the limit."""
    return cost <= AFFORDED * limit
