"""Progress is shown at intervals, and a failure to show it stops nothing."""

from __future__ import annotations

from typing import Any, cast

from slack_sdk.errors import SlackRequestError

from bot.slack.loading import ModalProgress
from bot.slack.modals import Modal
from tests.harness.clock import FakeClock


class FakeModal:
    """Stores the views it would show, or is refused by Slack."""

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self.refuses = False

    async def update(self, template: str, **facts: Any) -> bool:
        if self.refuses:
            raise SlackRequestError("no answer")
        self.shown.append(facts)
        return True


async def test_progress_is_limited(clock: FakeClock) -> None:
    """Progress is shown after a delay, and not more often than Slack accepts."""
    modal = FakeModal()
    progress = ModalProgress(cast("Modal", modal), "jobs/csv.collecting", clock)
    for done in range(1, 8):
        await progress(done, 9)
        clock.forward(0.5)
    assert modal.shown == [{"done": 4, "total": 9}, {"done": 7, "total": 9}]


async def test_continues_if_slack_refuses_the_progress(clock: FakeClock) -> None:
    """Work continues if Slack refuses to show its progress."""
    modal = FakeModal()
    progress = ModalProgress(cast("Modal", modal), "jobs/csv.collecting", clock)
    modal.refuses = True
    clock.forward(2)
    await progress(1, None)
    assert modal.shown == []
