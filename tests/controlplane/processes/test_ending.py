"""What a process leaves behind when it is told to end: no credential in a file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

STORY = """
import signal
from controlplane.cli import serve
serve._django()
from controlplane.clusters import connections
serve.end_cleanly()
print(connections._private_folder(), flush=True)
signal.pause()
"""


def test_the_folder_of_kubeconfigs_is_gone_after_a_sigterm(tmp_path: Path) -> None:
    env = {**os.environ, "ARGOSY_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", STORY], env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()

        process.send_signal(signal.SIGTERM)

        assert process.wait(30) == 0
        assert not folder.exists()
    finally:
        process.kill()
        process.communicate()
