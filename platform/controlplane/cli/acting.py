"""Doing something to one object of a namespace: the same call for workflows and for schedules."""

from collections.abc import Callable

from . import client
from .namespace import named
from .show import console, one, told


def act(
    what: str,
    verb: str,
    *,
    namespace: str,
    name: str,
    as_json: bool,
    say: Callable[[client.Answer], str],
) -> None:
    """Have the platform do it, and say what came of it. `what`: workflows or crons."""
    with told():
        api = client.signed_in()
        found = api.post(f"namespaces/{named(api, namespace)['id']}/{what}/{name}/{verb}/")
    if as_json:
        one(found, as_json=True)
    else:
        console.print(say(found))
