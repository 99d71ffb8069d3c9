"""Errors that are meant for the person at the keyboard: what happened, and what to do next."""

from __future__ import annotations


class UserError(Exception):
    """A mistake or a missing thing that the user can mend.

    Args:
        message: what happened and where, one or two sentences.
        fix: what to do next, or an empty string where nothing can be advised.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n{self.fix}" if self.fix else self.message
