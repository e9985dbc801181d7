"""What a sign-in by the provider costs, with 4 groups and with 400: `make bench`.

The two requests of a sign-in (to the provider, and back with its code) through Django's own client, with a
provider on loopback that answers at once. So the time holds the calls to it too: ours is less. Prints JSON
and keeps it.
"""

import atexit
import os
import platform
import shutil
import statistics
import tempfile
import time
from typing import Any

from benches.kept import keep

TEAMS = int(os.environ.get("BENCH_TEAMS", "1000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "30"))
GROUPS = (4, 400)
GOAL_MS = 300

HOME = tempfile.mkdtemp(prefix="argosy-bench-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ |= {
    "ARGOSY_HOME": HOME,
    "ARGOSY_ALLOWED_HOSTS": "testserver",
    "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    "ARGOSY_LOG_LEVEL": "ERROR",
}

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from controlplane.identity.models import User  # noqa: E402
from tenants.models import Team  # noqa: E402
from tests.provider import Provider, provider  # noqa: E402
from tests.signing_on import from_provider, to_provider, told  # noqa: E402


def main() -> None:
    call_command("migrate", verbosity=0)
    Team.objects.bulk_create(map(team, range(TEAMS)))
    # Each of Django's test clients is a server anew, and would look through all files first.
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = False
    with provider() as idp:
        for name, value in told(idp).items():
            setattr(settings, name, value)
        for number in GROUPS:
            idp.add(f"in-{number}", groups=["team-0-owners", *elsewhere(number - 1)])
        figures: dict[str, Any] = {
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
            "teams": TEAMS,
            "rounds": ROUNDS,
            "goal ms": GOAL_MS,
            **interleaved(idp),
        }
    keep("signon", figures)


def interleaved(idp: Provider) -> dict[str, Any]:
    """Each in turn, so that what else the machine does meets them alike."""
    took: dict[int, list[float]] = {number: [] for number in GROUPS}
    used: dict[int, list[float]] = {number: [] for number in GROUPS}
    for number in GROUPS:
        sign_in(idp, number)  # the first of a person makes an account, and asks for the keys
    for _ in range(ROUNDS):
        for number in GROUPS:
            wall, cpu = sign_in(idp, number)
            took[number].append(wall)
            used[number].append(cpu)
    assert User.objects.filter(claimed_groups=["team-0-owners"]).count() == len(GROUPS)
    return {
        f"{number} groups": {
            "median ms": round(statistics.median(took[number]), 1),
            "p95 ms": round(statistics.quantiles(took[number], n=20)[-1], 1),
            "of that CPU, median ms": round(statistics.median(used[number]), 1),
        }
        for number in GROUPS
    }


def sign_in(idp: Provider, number: int) -> tuple[float, float]:
    """Milliseconds of our two answers, without the provider's own page between them, and their CPU."""
    client = Client()
    idp.at_the_door = f"in-{number}"
    begun, used = time.perf_counter(), time.process_time()
    there = to_provider(client)
    wall, cpu = time.perf_counter() - begun, time.process_time() - used
    back = from_provider(there)
    begun, used = time.perf_counter(), time.process_time()
    answer = client.get(back)
    wall, cpu = wall + time.perf_counter() - begun, cpu + time.process_time() - used
    assert answer.status_code == 302, answer.content
    return wall * 1000, cpu * 1000


def team(number: int) -> Team:
    name = f"team-{number}"
    groups = {f"{level}_group": f"{name}-{level}s" for level in ("owner", "member", "viewer")}
    return Team(slug=name, name=name, **groups)


def elsewhere(number: int) -> list[str]:
    """Groups of the company's that mean nothing here, as long as real ones are."""
    return [f"company-department-{each:04}-everybody" for each in range(number)]


if __name__ == "__main__":
    main()
