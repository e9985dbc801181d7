"""How long does it take to move 10,000 secrets to a new key, while somebody reads and writes them?

python -m benches.rotation [--count 10000]
"""

import argparse
import os
import shutil
import tempfile
import threading
import time

HOME = tempfile.mkdtemp(prefix="argosy-bench-secrets-")
os.environ |= {
    "ARGOSY_HOME": HOME,
    "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    "ARGOSY_LOG_LEVEL": "CRITICAL",
}

import django  # noqa: E402

django.setup()

from cryptography.fernet import Fernet  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from controlplane.secrets import contents, rotation  # noqa: E402
from controlplane.secrets.kinds import Held  # noqa: E402
from controlplane.secrets.models import Secret, Version  # noqa: E402
from tenants.models import Team  # noqa: E402

SIZE = 200  # bytes of each: two keys of a store


def filled(count: int) -> None:
    """So many secrets of one version each, of a hundred teams."""
    teams = [
        Team.objects.create(slug=f"team-{n}", name=f"Team {n}", owner_group=f"team-{n}")
        for n in range(100)
    ]
    made = Secret.objects.bulk_create(
        Secret(team=teams[n % 100], name=f"s-{n}", kind="opaque", version=1) for n in range(count)
    )
    versions = [Version(secret=secret, number=1) for secret in made]
    for version in versions:
        version.sealed = contents.sealed(Held({}, {"key": os.urandom(SIZE)}), version)
    Version.objects.bulk_create(versions, batch_size=1000)


def read_on(ended: threading.Event, waits: list[float]) -> None:
    """Somebody who delivers meanwhile: every secret opens at any moment."""
    pk = 1
    while not ended.is_set():
        began = time.perf_counter()
        contents.opened(Version.objects.get(pk=pk))
        waits.append(time.perf_counter() - began)
        pk = pk % 1000 + 1
        ended.wait(0.01)
    connection.close()


def main() -> None:
    """Fill, rotate, check."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=10_000)
    count = asked.parse_args().count
    call_command("migrate", verbosity=0)
    filled(count)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    ended, waits = threading.Event(), list[float]()
    reader = threading.Thread(target=read_on, args=(ended, waits))
    reader.start()
    began = time.perf_counter()
    done = rotation.rotate()
    seconds = time.perf_counter() - began
    ended.set()
    reader.join()
    began = time.perf_counter()
    again = rotation.rotate()
    nothing = time.perf_counter() - began
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    began = time.perf_counter()
    left = list(rotation.unreadable())
    check = time.perf_counter() - began
    assert (done.moved, again.moved, left) == (count, 0, [])
    waits.sort()
    print(f"rotation of {count:,} secrets: {seconds:.2f} s ({count / seconds:,.0f} a second)")
    print(f"again, with nothing to do: {nothing * 1000:.0f} ms")
    print(f"the check at the start: {check * 1000:.0f} ms")
    print(f"a read meanwhile: p99 {waits[int(len(waits) * 0.99) - 1] * 1000:.1f} ms, all open")


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(HOME, ignore_errors=True)
