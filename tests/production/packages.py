"""The programs of production mode: Debian's PostgreSQL and Redis, installed where that can be done.

python -m tests.production.packages     # have both, saying which packages and why
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from localcluster import debian
from localcluster.errors import LocalClusterError

POSTGRESQL = Path("/usr/lib/postgresql")  # Debian keeps each version in a folder of its own there
NEEDED = {
    "postgresql": "keeps the rows of production mode",
    "redis-server": "carries the turns of production mode from process to process",
}


def postgresql(program: str) -> Path | None:
    """This program of the newest PostgreSQL; None where there is none."""
    found = POSTGRESQL.glob(f"*/bin/{program}")
    return max(found, key=lambda path: int(path.parts[-3]), default=None)


def redis() -> Path | None:
    """The Redis server; None where there is none."""
    found = shutil.which("redis-server")
    return None if found is None else Path(found)


def missing() -> list[str]:
    """The packages that are not here."""
    there = {"postgresql": postgresql("postgres"), "redis-server": redis()}
    return [package for package, program in there.items() if program is None]


def ensure(say: Callable[[str], None]) -> None:
    """Have both. Raises LocalClusterError where they cannot be installed: no test is left out unsaid."""
    lacking = missing()
    if not lacking:
        return
    if not debian.can_install():
        raise LocalClusterError(
            f"Production mode is tested with {' and '.join(lacking)}, which can be installed here only "
            "as root on Debian: install them yourself. Their services need not run."
        )
    # A database made by the package would be one more that nobody here uses.
    debian.add({package: NEEDED[package] for package in lacking}, say)
    if lacking := missing():
        raise LocalClusterError(f"apt-get installed {', '.join(lacking)}, but no program is there.")


def main() -> int:
    """Exit code 1 with a sentence if the installation fails."""
    try:
        ensure(lambda line: print(line, file=sys.stderr))  # noqa: T201 - it is a command
    except LocalClusterError as exc:
        print(f"error: {exc}", file=sys.stderr)  # noqa: T201 - it is a command
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
