"""What the name of an image is made of, as RE2 texts: the grammar of `references`, part by part.

The text is split first and each part held to its own pattern, as the runtime does. One pattern over
the whole would read some names otherwise, and cost three times as much.
"""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[A-Fa-f0-9:]+\])(?::[0-9]+)?"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|sha384:[0-9a-f]{96})"

# The first part names a registry: else all of it is a path on Docker Hub.
HOSTED = r"^(?:localhost|[^/]*[.:A-Z][^/]*)/"
HOST = rf"^{_HOST}$"
PATH = rf"^{_PATH}$"
TAG = rf"^{_TAG}$"
DIGEST = rf"^{_DIGEST}$"
IMAGE_ID = r"^[a-f0-9]{64}$"

# All that the runtime's own grammar takes, whatever it makes of it: the registry may be missing.
TAKEN = f"^(?:{_HOST}/)?{_PATH}(?::{_TAG})?(?:@{_DIGEST})?$"

# Names with only one spelling, pinned: no port, no separator twice, no long tag. Nothing in it can be
# read in two ways, so Go matches it in one pass.
PLAINLY_PINNED = (
    r"^[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:[.-][a-z0-9]+)*/[a-z0-9]+(?:[._/-][a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?@sha256:[0-9a-f]{64}$"
)

# A registry that has only one spelling; every other one is brought to it.
PLAIN_HOST = r"^[a-z0-9.-]+$"
PORT = r":[0-9]+$"
SIGNIFICANT = r"[1-9][0-9]*$"  # of a port: without zeros before it
