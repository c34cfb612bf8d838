"""What can be wrong with a message before anybody sees it: always a mistake of ours.

Both are programming errors, not `bot.errors.BotError`s: nobody outside can mend them.
"""

from __future__ import annotations


class PayloadWrong(ValueError):
    """A payload that Slack would refuse, and that may not be shortened into shape."""


class TemplateWrong(Exception):
    """A template, its facts or its example is wrong.

    `name` is the template's ("jobs/list"), `line` counts from 1 and is 0 where it is not known.
    """

    def __init__(self, name: str, problem: str, line: int = 0) -> None:
        place = f"{name}, line {line}" if line else name
        super().__init__(f"{place}: {problem}")
        self.name, self.line, self.problem = name, line, problem
