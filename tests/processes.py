"""What a running process has used, as the kernel counts it."""

import os
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU, its own and the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
