"""What does the text of an image mean to the runtime? The grammar of distribution/reference, exactly.

Two steps, as kubelet and containerd take them: first the registry is split off (a first segment
with a `.`, a `:` or a capital, or `localhost`; else it is Docker Hub), then every part is held to
its own ASCII grammar. One regular expression over the whole text would read some names otherwise.
"""

import ipaddress
import re
from functools import lru_cache

import msgspec

HUB = "docker.io"
LEGACY_HUB = "index.docker.io"
# Other doors to the same house; nobody may be allowed through them, but what is denied is denied there.
OTHER_HUBS = frozenset({"registry-1.docker.io", "registry.hub.docker.com"})
LONGEST_PATH = 255
LONGEST_REGISTRY = 255  # a name of DNS has fewer

_COMPONENT = r"[a-z0-9]++(?:(?:[._]|__|-++)[a-z0-9]++)*+"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*+"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}+"
# What go-digest knows; another algorithm, or another length, is no digest to the runtime.
_DIGEST = r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|sha384:[0-9a-f]{96}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[A-Fa-f0-9:]+\])(?::[0-9]+)?"

_remainder = re.compile(rf"({_PATH})(?::({_TAG}))?+(?:@({_DIGEST}))?+").fullmatch
_path = re.compile(_PATH).fullmatch
_host = re.compile(_HOST).fullmatch
_identifier = re.compile(r"[a-f0-9]{64}").fullmatch
_tag = re.compile(_TAG).fullmatch
_digest = re.compile(_DIGEST).fullmatch


class NotAReference(ValueError):
    """The runtime could not pull this text; the sentence says why, without the text itself."""

    def __init__(self, text: str, registry: str, rest: str) -> None:
        super().__init__(text, registry, rest)

    def __str__(self) -> str:
        # Put together when somebody reads it: most refusals are only counted.
        return _why_not(*self.args)


class Reference(msgspec.Struct, frozen=True, gc=False):
    """What the runtime would pull. `registry` is as it was written, but Docker Hub has one name."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository, as facts about images are filed."""
        return f"{self.registry}/{self.repository}"


def parse(text: str) -> Reference:
    """What `text` names. Raises NotAReference with a reason a person understands."""
    registry, slash, rest = text.partition("/")
    if not slash:
        registry, rest = HUB, f"library/{text}"
    elif not _names_a_registry(registry):
        registry, rest = HUB, text
    elif registry in {HUB, LEGACY_HUB}:
        registry = HUB
        rest = rest if "/" in rest else f"library/{rest}"
    matched = _remainder(rest)
    if matched is None or not _names_a_host(registry):
        raise NotAReference(text, registry, rest)
    path, tag, digest = matched.groups()
    if len(path) > LONGEST_PATH or (not slash and _is_an_id(text)):
        raise NotAReference(text, registry, rest)
    return Reference(registry, path, tag, digest)


def _names_a_registry(first: str) -> bool:
    return "." in first or ":" in first or first == "localhost" or first != first.lower()


def taken_by_a_runtime(text: str) -> bool:
    """Whether the runtime's own grammar takes `text`, whatever it makes of it; we may be stricter.

    It lets a name through whose registry is no registry: all of it is then a path without one, and
    the next program that reads it takes the first part for a registry after all.
    """
    registry, slash, rest = text.partition("/")
    if not slash:
        return _identifier(text) is None and _remainder(text) is not None
    if _remainder(text) is not None:
        return True
    return _remainder(rest) is not None and _host(registry) is not None


def _is_an_id(text: str) -> bool:
    """The id under which a node keeps an image: it would run whatever that is, from wherever it came."""
    return _identifier(text) is not None or _digest(text) is not None


def _names_a_host(registry: str) -> bool:
    # Before any cache: a thousand texts of a megabyte would stay there.
    return len(registry) <= LONGEST_REGISTRY and _is_host(registry)


@lru_cache(maxsize=1024)
def _is_host(registry: str) -> bool:
    return _host(registry) is not None


def is_registry(text: str) -> bool:
    """Whether `text` can stand before the first slash of an image and be read as its registry."""
    return _names_a_registry(text) and _names_a_host(text)


def is_repository(text: str) -> bool:
    """Whether `text` is a path that the runtime would take."""
    return len(text) <= LONGEST_PATH and _path(text) is not None


def is_tag(text: str) -> bool:
    """Whether `text` can stand after the colon of an image."""
    return _tag(text) is not None


@lru_cache(maxsize=1024)
def canonical_registry(registry: str) -> str:
    """The one spelling of a registry: lower case, no port 443, no zeros before a port."""
    host, port = _host_and_port(registry.lower())
    port = port.lstrip("0")
    host = _plain_address(host) if host.startswith("[") else host
    if port and port != "443":
        return f"{host}:{port}"
    return HUB if host == LEGACY_HUB else host


def canonical_repository(registry: str, repository: str) -> str:
    """The one spelling of a repository: on Docker Hub a single word stands under `library`."""
    if registry == HUB and "/" not in repository and repository != "**":
        return f"library/{repository}"
    return repository


def _host_and_port(registry: str) -> tuple[str, str]:
    host, colon, port = registry.rpartition(":")
    if not colon or registry.endswith("]"):
        return registry, ""
    return host, port


def _plain_address(host: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
    except ValueError:
        return host


def _why_not(text: str, registry: str, rest: str) -> str:
    """The first of the sentences that fits; the order is from the outside in."""
    name, at, digest = rest.partition("@")
    path, colon, tag = name.partition(":")
    return next(
        sentence
        for wrong, sentence in (
            (not text.strip(), "it is blank"),
            (text != text.strip(), "it begins or ends with white space"),
            (not text.isascii(), "it has a letter that is not ASCII; some only look like it"),
            ("://" in text, "it begins with a scheme; begin with the registry"),
            (len(registry) > LONGEST_REGISTRY, _LONG_REGISTRY),
            (not _names_a_host(registry), f"{registry[:80]!r} is no name of a registry"),
            (bool(at) and _digest(digest) is None, _NO_DIGEST),
            (_is_an_id(text), _AN_ID),
            (bool(colon) and _tag(tag) is None, _NO_TAG),
            (path != path.lower(), "its repository has capital letters"),
            (len(path) > LONGEST_PATH, f"its repository is longer than {LONGEST_PATH} characters"),
            (True, "its repository has a character, or an empty part, that no runtime takes"),
        )
        if wrong
    )


_AN_ID = "hexadecimal digits alone, or behind sha256:, are the id of an image, not its name"
_LONG_REGISTRY = f"its registry is longer than {LONGEST_REGISTRY} characters"
_NO_DIGEST = "what follows the @ is no digest: sha256: and 64 of 0-9a-f, or sha512: and 128"
_NO_TAG = "what follows the colon is no tag: at most 128 letters, digits and _ . -"
