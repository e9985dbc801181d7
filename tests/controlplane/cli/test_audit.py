"""`argosy audit`: what was done as it reads in a terminal, and whether its record is whole."""

import json
from functools import partial
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from controlplane.audit import guarding, record, sealing
from tests.controlplane.cli import runner
from tests.factories import TeamFactory, owner_of

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("home"),
]

run = partial(runner.run, COLUMNS="200")


def test_an_owner_reads_what_was_done_in_their_team_and_no_others() -> None:
    team = TeamFactory(slug="payments")
    record("request.filed", actor="ann", target="request #1", team="payments")
    record("request.filed", actor="bob", target="request #2", team="billing")

    said = run("audit", "list", "--action", "request.filed", user=owner_of(team))

    assert said.exit_code == 0, said.output
    assert "request #1" in said.output
    assert "request #2" not in said.output


def test_a_day_that_is_none_is_one_sentence() -> None:
    said = run("audit", "list", "--since", "yesterday", user=owner_of(TeamFactory()))

    assert said.exit_code == 1
    assert "A day looks like 2026-11-22" in said.output


def test_a_record_that_is_whole_says_so_and_what_it_cannot_know(tmp_path: Path) -> None:
    TeamFactory()
    head = sealing.seal(now=timezone.now())
    kept = tmp_path / "heads"
    kept.write_text(f"2026-11-22 INFO controlplane.audit.heads: audit head {head}\n")

    alone = run("audit", "verify")
    held = json.loads(run("audit", "verify", "--heads", str(kept), "--json").output)

    assert alone.exit_code == 0, alone.output
    assert "No head that was kept elsewhere" in alone.output
    assert (held["whole"], held["heads_known"], held["head"]) == (True, 1, str(head))


def test_a_record_that_was_changed_ends_with_one_and_names_it() -> None:
    TeamFactory()
    sealing.seal(now=timezone.now())
    with connection.cursor() as cursor:
        for name, (table, _) in guarding.triggers(connection.vendor).items():
            cursor.execute(guarding.removal(connection.vendor, name, table))
        cursor.execute("UPDATE audit_event SET actor = 'somebody else'")

    said = run("audit", "verify")

    assert said.exit_code == 1
    assert "is not what was sealed" in said.output
    assert "The database would not refuse a change" in said.output


@pytest.mark.parametrize("words", [["--head", "12"], ["--heads", "/nowhere"]])
def test_heads_that_cannot_be_read_are_no_verdict(words: list[str]) -> None:
    said = run("audit", "verify", *words)

    assert said.exit_code == 2
    assert "The heads cannot be read" in said.output
