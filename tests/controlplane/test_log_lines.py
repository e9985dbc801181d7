"""A database that does not answer is one line of the log, and a mistake of ours all that is known of it."""

import logging

import pytest
from django.db import OperationalError

from controlplane.log_lines import DatabaseInOneLine


def logged(error: Exception) -> str:
    """A line as it is written, of an error while something was done."""
    record = logging.LogRecord(
        "django.request", logging.ERROR, __file__, 1, "%s: %s", ("Error", "/sign-in/"),
        (type(error), error, None),
    )  # fmt: skip
    assert DatabaseInOneLine().filter(record)
    return logging.Formatter().format(record)


def test_a_database_that_is_held_is_one_line() -> None:
    said = logged(OperationalError("database is locked"))

    assert said == "Error: /sign-in/: the database does not answer (database is locked)"


@pytest.mark.parametrize("error", [KeyError("x"), OperationalError("no such table: team")])
def test_a_mistake_says_what_it_was(error: Exception) -> None:
    said = logged(error)

    assert said.startswith("Error: /sign-in/\n")
    assert repr(error.args[0]).strip("'") in said
