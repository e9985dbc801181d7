"""The tests that touch rows, once more, on PostgreSQL and Redis.

python -m tests.production.suite [pytest's words]
"""

import os
import subprocess
import sys

from tests.production.stores import postgresql, redis


def main(words: list[str]) -> int:
    """pytest's own exit code."""
    with postgresql() as database, redis() as broker:
        told = {
            "ARGOSY_TEST_DATABASE_URL": database.url,
            "ARGOSY_TEST_BROKER_URL": broker.url,
        }
        command = [sys.executable, "-m", "pytest", *words]
        return subprocess.run(command, env={**os.environ, **told}, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
