"""Numbers that addresses carry: whatever somebody typed there."""

LONGEST = 8  # digits: no list is longer, and no database counts much further


def whole(text: str) -> int:
    """The number; 0 for what is none, or beyond reason."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else 0


def page_of(text: str, pages: int) -> int:
    """The page that is asked for, of so many: the nearest one there is."""
    return min(max(1, whole(text)), max(1, pages))
