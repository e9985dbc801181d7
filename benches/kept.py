"""Where figures go: to whoever ran the bench, and beside those of other days."""

import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import Any

# Read at import, before a bench sets a home of its own.
KEPT = Path(os.environ.get("ARGOSY_HOME", ".argosy")).absolute() / "bench"


def keep(name: str, figures: Any) -> None:
    """Print the figures, and keep them under the time they were taken."""
    KEPT.mkdir(parents=True, exist_ok=True)
    now = dt.datetime.now(dt.UTC)
    (KEPT / f"{name}-{now:%Y%m%dT%H%M%S}.json").write_text(json.dumps(figures, indent=1))
    json.dump(figures, sys.stdout, indent=1)
    print()
