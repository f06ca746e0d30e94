"""`mailtrap-py gauntlet`: a program under every scenario, each time graded by what it said and what became of its mail.

command   the words typed, and the exit code
choice    which scenarios are meant
attempt   one of them: a trial, put into the values that all reports are made of
crew      several at once, each on the main thread of a process of its own
table     the account on the terminal
reports   JUnit XML and JSON
page      HTML
"""

from mailtrap_py.cli.gauntlet.command import GauntletCommand, gauntlet

__all__ = ["GauntletCommand", "gauntlet"]
