"""What asking about everybody costs: 500 people who are here, and what a token is checked for per call.

    python -m benches.recheck [people]

A provider of the tests' own answers in a process of its own, so that its work is not counted as ours.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection

from benches.kept import keep

PEOPLE = 500
ROUNDS = 3
CALLS = 400
EVERY = 23.0  # seconds between two questions about one person, on average


def main() -> None:
    """Fill, ask, and keep the figures."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE
    with _home(), _provider(people) as (issuer, tokens):
        _set_up(issuer)
        _fill(issuer, tokens)
        keep("recheck", {"people": people, "rounds": _rounds(people), "a call": _calls()})


@contextmanager
def _home() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="argosy-bench-") as folder:
        os.environ["ARGOSY_HOME"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
        os.environ["ARGOSY_LOG_LEVEL"] = "ERROR"
        yield


@contextmanager
def _provider(people: int) -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """A provider with so many people signed in; gives its address, and who has which refresh token."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_provide, args=(theirs, people), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        process.join(5)


def _provide(pipe: Connection, people: int) -> None:
    from tests.provider import provider  # noqa: PLC0415 - in the provider's own process

    with provider() as running:
        tokens = {}
        for number in range(people):
            person = running.add(f"p{number}", groups=["payments-members", "argosy-approvers"])
            tokens[person.username] = (
                person.subject,
                running.grant(person.username)["refresh_token"],
            )
        pipe.send((running.issuer, tokens))
        pipe.recv()


def _set_up(issuer: str) -> None:
    from tests.provider import CLIENT_ID, CLIENT_SECRET  # noqa: PLC0415

    os.environ["ARGOSY_OIDC_ISSUER"] = issuer
    os.environ["ARGOSY_OIDC_CLIENT_ID"] = CLIENT_ID
    os.environ["ARGOSY_OIDC_CLIENT_SECRET"] = CLIENT_SECRET
    import django  # noqa: PLC0415 - the settings are told by now

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)


def _fill(issuer: str, tokens: dict[str, tuple[str, str]]) -> None:
    from django.utils import timezone  # noqa: PLC0415

    from controlplane.identity import grants  # noqa: PLC0415
    from controlplane.identity.models import User  # noqa: PLC0415
    from tests.factories import TeamFactory  # noqa: PLC0415

    TeamFactory(slug="payments")
    for name, (subject, token) in tokens.items():
        groups = sorted(["payments-members", "argosy-approvers"])
        user = User.objects.create(
            username=name, issuer=issuer, subject=subject, claimed_groups=groups
        )
        grants.keep(user=user, refresh_token=token, sid=name, now=timezone.now())


def _rounds(people: int) -> dict[str, float]:
    """What asking about all of them takes, and so what it takes of a core while they are here."""
    from django.utils import timezone  # noqa: PLC0415

    from controlplane.identity import providers, rechecking  # noqa: PLC0415
    from controlplane.identity.models import Grant  # noqa: PLC0415

    provider = providers.current()
    assert provider is not None
    cpu, wall = [], []
    for _ in range(ROUNDS):
        Grant.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        began, worked = time.perf_counter(), time.process_time()
        asked, heard = rechecking.go_round(provider, until=timezone.now() + timedelta(seconds=120))
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - worked)
        assert asked >= heard == people, (asked, heard)
    each = statistics.median(cpu) / people
    return {
        "seconds a round": round(statistics.median(wall), 2),
        "ms of CPU a person": round(each * 1000, 2),
        "% of one core, all the time": round(each * people / EVERY * 100, 1),
    }


def _calls() -> dict[str, str]:
    """What one call is checked for."""
    from rest_framework.test import APIRequestFactory  # noqa: PLC0415

    from controlplane.identity import tokens  # noqa: PLC0415
    from controlplane.identity.models import User  # noqa: PLC0415
    from controlplane.identity.tokens import TokenAuthentication  # noqa: PLC0415
    from tenants.levels import Act  # noqa: PLC0415
    from tenants.models import Team  # noqa: PLC0415

    person, team = User.objects.get(username="p0"), Team.objects.get()
    _, plain = tokens.issue(user=person, name="bench")
    call = APIRequestFactory().get("/", headers={"authorization": f"Bearer {plain}"})
    door = TokenAuthentication()
    return {
        "a token": _timed(lambda: door.authenticate(call)),
        "what its person may in a team": _timed(lambda: team.allows(person, Act.SEE)),
        "which teams they see": _timed(lambda: list(Team.objects.visible_to(person))),
    }


def _timed(act: Callable[[], object]) -> str:
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    took.sort()
    return f"{took[CALLS // 2] * 1000:.2f} ms (p99 {took[int(CALLS * 0.99)] * 1000:.2f})"


if __name__ == "__main__":
    main()
