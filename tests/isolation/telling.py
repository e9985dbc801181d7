"""What every answer tells a browser, and that no page needs what it is told not to do."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

TOLD = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


class Inline(HTMLParser):
    """What a page has in it that its policy forbids: programs and looks that came by no address."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        kind = has.get("type") or ""
        if tag == "style" or (tag == "script" and "src" not in has and kind != "application/json"):
            self.found.append(f"<{tag}>")
        self.found += [
            f"<{tag} {name}={value!r}>"
            for name, value in attrs
            if name == "style" or name.startswith("on") or _is_a_program(value)
        ]


def inside(page: str) -> list[str]:
    """All of it, each thing once."""
    parser = Inline()
    parser.feed(page)
    return sorted(set(parser.found))


def _is_a_program(value: str | None) -> bool:
    return re.match(r"\s*(javascript|vbscript|data:text)", value or "", re.IGNORECASE) is not None


def forgotten(headers: Mapping[str, str]) -> Iterator[str]:
    """What an answer should have told, and did not."""
    policy = headers.get("Content-Security-Policy", "")
    words = (part.strip().partition(" ") for part in policy.split(";"))
    told = {name: said for name, _, said in words}
    yield from (
        f"its policy has no {name}" for name, said in POLICY.items() if told.get(name) != said
    )
    yield from (f"{name} is not {said}" for name, said in TOLD.items() if headers.get(name) != said)
    if "unsafe" in policy:
        yield f"its policy lets in what is unsafe: {policy}"
