"""The search itself: what is planted is found in whatever dress it comes, and what is not is not."""

import gzip
import html
import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.production.canary import watching
from tests.production.canary.planted import Found, Search, canary, existing
from tests.production.canary.story import around

DRESSES: dict[str, Callable[[str], str | bytes]] = {
    "as it is": str,
    "in JSON": json.dumps,
    "in a page": html.escape,
    "in a URL": lambda value: quote(value, safe=""),
    "in a form": quote_plus,
    "as Python shows it": repr,
    "as Python shows its bytes": lambda value: repr(value.encode()),
    "reversed": lambda value: value[::-1],
    "in hex": lambda value: value.encode().hex(),
    "in HEX": lambda value: value.encode().hex().upper(),
    "its first half": lambda value: value[: len(value) // 2],
    "its last half": lambda value: value[len(value) // 2 :],
    **{
        f"in base64, {before} bytes in": lambda value, before=before: b64encode(
            b"x" * before + value.encode()
        )
        for before in range(3)
    },
    **{
        f"in base64 for URLs, {before} bytes in": lambda value, before=before: urlsafe_b64encode(
            b"x" * before + value.encode()
        )
        for before in range(3)
    },
    **{
        f"in base64 twice, {before} and {after} bytes in": lambda value, b=before, a=after: (
            b64encode(b"x" * a + b64encode(b"x" * b + value.encode()))
        )
        for before in range(3)
        for after in range(3)
    },
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_value_is_found(dress: str) -> None:
    value = canary("it")
    shown = DRESSES[dress](value.value)
    text = shown if isinstance(shown, bytes) else shown.encode()

    assert Search([value]).found({"there": b"before" + text + b"after"}) == {Found("it", "there")}


def test_one_that_was_made_elsewhere_is_found_by_its_end() -> None:
    token = existing("token", "argosy_0123456789abcdefghijklmnopqrstuv")
    texts = {"all": token.value.encode(), "hint": b"argosy_0123", "end": token.value[-24:].encode()}

    assert {each.where for each in Search([token]).found(texts)} == {"all", "end"}


def test_what_is_short_is_no_mark() -> None:
    with pytest.raises(AssertionError):
        existing("word", "owner")


def test_another_value_and_what_is_compressed_are_not_taken_for_it() -> None:
    value, other = canary("it"), canary("it")
    texts = {"another": other.value.encode(), "packed": gzip.compress(value.value.encode())}

    assert Search([value]).found(texts) == set()


def test_the_words_and_the_environment_of_what_a_process_starts_are_seen() -> None:
    words, env = ["sh", "-c", "sleep 61; true"], {"LEFT": "behind"} | os.environ
    deadline = time.monotonic() + 30
    with watching.processes_seen() as seen, subprocess.Popen(words, env=env) as shell:
        while b"sleep\x0061\x00" not in seen.argv:
            assert time.monotonic() < deadline, seen.argv
            time.sleep(0.01)
        for pid in [*watching.below(shell.pid), shell.pid]:
            os.kill(pid, signal.SIGKILL)

    assert any(b"LEFT=behind" in each for each in seen.environments)


def test_what_a_python_process_starts_is_written_down_however_briefly_it_lives(
    tmp_path: Path,
) -> None:
    program = "import subprocess; subprocess.run(['true', 'for-a-moment'])"
    env = dict(os.environ) | around(tmp_path / "starts")

    subprocess.run([sys.executable, "-c", program], env=env, check=True)

    began, *started = (tmp_path / "starts").read_text().splitlines()
    assert program in began.replace("\\", "")
    assert any("for-a-moment" in each for each in started)
