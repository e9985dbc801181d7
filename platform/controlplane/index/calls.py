"""What this part asks of a cluster: to follow its kinds."""

from collections.abc import Iterator

from controlplane.clusters.rights import Right, calls, register

from .kinds import STREAMS


@register
def followed() -> Iterator[Right]:
    """Each kind that is watched, everywhere: a stream a namespace would be thousands of them."""
    for kind in (stream.asked for stream in STREAMS):
        yield from calls(kind.api_version, kind.name, "list", "watch", names=(kind.called,))
