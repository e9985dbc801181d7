"""The webhook runs as long as its agent does: started again where it falls, gone where the agent goes."""

import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from controlplane.agent.supervising import Supervisor
from tests.webhook import within

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_what_falls_is_started_again_and_ever_later() -> None:
    supervisor = Supervisor([sys.executable, "-c", "raise SystemExit(3)"])
    now = 0.0
    starts = []

    def ended() -> bool:
        nonlocal now
        now += 0.05
        supervisor.step(lambda: now)
        if supervisor.starts > len(starts):
            starts.append(now)
        return len(starts) == 4

    within(30, ended)
    supervisor.stop()

    gaps = [later - sooner for sooner, later in pairwise(starts)]
    assert gaps[2] > gaps[0]


def test_it_is_asked_to_go_and_waited_for(tmp_path: Path) -> None:
    said = tmp_path / "said"
    code = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(said)!r}, 'w').write('bye'), sys.exit(0)))\n"
        f"open({str(said)!r}, 'w').write('here')\n"
        "time.sleep(600)\n"
    )
    supervisor = Supervisor([sys.executable, "-c", code])
    supervisor.step()
    within(20, lambda: said.exists() and said.read_text() == "here")

    assert supervisor.stop() == 0
    assert said.read_text() == "bye"


def test_an_agent_that_is_killed_leaves_no_webhook_behind() -> None:
    code = (
        "import sys, time\n"
        "from controlplane.agent.supervising import Supervisor\n"
        f"s = Supervisor({SLEEPS!r}); s.step()\n"
        "print(s.pid, flush=True); time.sleep(600)\n"
    )
    agent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    child = int(agent.stdout.readline())
    assert is_there(child)

    agent.send_signal(signal.SIGKILL)
    agent.communicate()

    within(20, lambda: not is_there(child))


def is_there(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
