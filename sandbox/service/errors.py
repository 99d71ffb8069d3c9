"""The one error that a user of the command line can meet."""

from __future__ import annotations


class ServiceError(Exception):
    """Something outside the code is wrong: a file, an argument, a model.

    The message says what happened, where, and what to do next. The command line prints it without a traceback.
    """
