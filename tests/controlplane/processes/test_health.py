"""Who runs a process is told whether it does its work, and never ends it for what is not its fault."""

import time

import httpx
import pytest

from controlplane.processes import health
from controlplane.processes.beginning import CannotBegin
from controlplane.processes.health import Health, Pulse
from tests.production.stores import free_port


def away() -> str:
    return "The broker does not answer."


def well() -> str:
    return ""


def quiet(pulse: Pulse, seconds: float) -> None:
    """As if nothing had been done for so long."""
    pulse._last = time.monotonic() - seconds


def test_a_process_that_has_not_begun_is_alive_and_not_ready() -> None:
    told = Health(Pulse(), [well])

    assert told.not_ready() == "It is starting."
    assert told.stuck() == []


def test_one_whose_work_goes_on_is_ready() -> None:
    pulse = Pulse()
    pulse.beat()

    assert Health(pulse, [well]).not_ready() == ""


def test_one_that_hangs_is_stuck_and_one_that_is_held_from_outside_only_waits() -> None:
    pulse = Pulse()
    pulse.beat()
    quiet(pulse, 61)

    assert "61 s" in Health(pulse, [well]).not_ready()
    assert Health(pulse, [well]).stuck() != []
    assert Health(pulse, [well, away]).stuck() == []
    assert Health(pulse, [well, away]).not_ready() == away()


def test_one_that_never_begins_is_stuck_in_the_end() -> None:
    pulse = Pulse()
    quiet(pulse, 61)

    assert Health(pulse, [well]).stuck() != []


def test_it_answers_where_it_is_told_to() -> None:
    pulse, port = Pulse(), free_port()
    health.serve(f"127.0.0.1:{port}", Health(pulse, [well]))

    before = httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False)
    pulse.beat()

    assert (before.status_code, before.text) == (503, "It is starting.\n")
    assert httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    assert httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False).status_code == 200


@pytest.mark.parametrize("address", ["9444", "127.0.0.1", "127.0.0.1:http", ":9444"])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(CannotBegin, match="Health is answered at an address"):
        health.serve(address, Health(Pulse(), []))
