"""Which browser the tests drive: the system's own Chromium, installed where that can be done.

python -m tests.browser.chromium     # have one, saying which packages and why
"""

import shutil
import sys
from collections.abc import Callable

from localcluster import debian
from localcluster.errors import LocalClusterError

NAMES = ("chromium", "chromium-browser", "google-chrome")
NEEDED = {
    "chromium": "opens the console's pages as people do",
    "fonts-dejavu-core": "gives it letters to draw: a page without any has no layout to test",
}
# Root has no sandbox to offer, a container's /dev/shm is too small for it, and what is tested must not
# depend on what the machine's graphics can do.
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars")


def executable() -> str | None:
    """The first Chromium on the PATH; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def ensure(say: Callable[[str], None]) -> None:
    """Have a browser, where packages can be installed; else say what is then left out."""
    if executable() is not None:
        return
    if not debian.can_install():
        say(
            f"No browser is here ({', '.join(NAMES)}), and it can be installed only as root on "
            "Debian: the browser tests are skipped, each by its name. Install chromium to run them."
        )
        return
    debian.add(NEEDED, say)


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
