"""A hint keeps nobody waiting."""

import sqlite3
import time
from pathlib import Path

import pytest
from django.db.utils import ConnectionHandler

from controlplane import environment
from controlplane.hints import hinted


@pytest.mark.django_db
def test_a_hint_is_left_where_somebody_holds_the_database_and_written_once_it_is_free(
    tmp_path: Path,
) -> None:
    file = tmp_path / "argosy.sqlite3"
    ours = ConnectionHandler({"default": environment.database("ARGOSY_NONE", sqlite=file)})[
        "default"
    ]
    theirs = sqlite3.connect(file, isolation_level=None)
    try:
        with ours.cursor() as cursor:
            cursor.execute("CREATE TABLE token (used INTEGER)")
            cursor.execute("INSERT INTO token VALUES (0)")
            theirs.execute("BEGIN EXCLUSIVE")
            began = time.monotonic()
            with hinted(ours):
                cursor.execute("UPDATE token SET used = 1")
            waited = time.monotonic() - began
            theirs.execute("ROLLBACK")
            (left,) = cursor.execute("SELECT used FROM token").fetchone()

            with hinted(ours):
                cursor.execute("UPDATE token SET used = 2")
            (written,) = cursor.execute("SELECT used FROM token").fetchone()
            (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
    finally:
        theirs.close()
        ours.close()

    assert waited < 5  # of the 20 s that a wish waits
    assert (left, written) == (0, 2)
    assert patience == 20_000
