"""What stands in the log, as far as it is the same for all that is logged."""

import logging

from django.db import OperationalError

# SQLite's word for a table or a column that is not there, which is a mistake of ours.
MISTAKE = "no such"


class DatabaseInOneLine(logging.Filter):
    """A database that is held by another program, full or away is one line, wherever it was noticed.

    Where in four libraries that was helps nobody, and hides the lines before it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OperationalError) and MISTAKE not in str(error):
            said = " ".join(str(error).split())
            record.msg = f"{record.getMessage()}: the database does not answer ({said})"
            record.args, record.exc_info, record.exc_text = (), None, None
        return True
