"""Alerts in the Home tab: muted, turned off and resumed anywhere, with a notice to the channel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from sandbox.emporix.keys import ACME_OPERATIONS
from tests.harness.app import AppHarness
from tests.harness.sample_requests import home_action
from tests.harness.signed_requests import Poster
from tests.listeners.home.views import options, words

OPS = "C0OPS"


@pytest.fixture
async def harness(connected: AppHarness) -> AppHarness:
    """Ada opens her Home tab; #ops has an alert of hers."""
    await connected.person("ada", "ops").command("/emporix alerts on")
    await connected.ada.open_home()
    return connected


async def told(harness: AppHarness) -> Sequence[str]:
    """The messages that everyone in #ops sees."""
    seen = await harness.person("grace", "ops").messages()
    return [message["text"] for message in seen]


async def test_shows_whose_alert_is_where(harness: AppHarness) -> None:
    """Only the owner sees an alert in their Home tab."""
    ada, grace = await harness.ada.open_home(), await harness.grace.open_home()
    assert "<#C0OPS> · failed jobs in acme" in words(ada.home)
    assert "*Your alerts*" not in words(grace.home)


async def test_mutes_and_unmutes(harness: AppHarness) -> None:
    """Muting updates the Home tab and notifies the channel."""
    muted = await harness.ada.click("Mute for 2 hours", at_home=True)
    assert "^Muted until {" in words(muted.home)
    assert "muted" in (await told(harness))[-1].lower()
    heard = await harness.ada.click("Unmute", at_home=True)
    assert ":bell: On" in words(heard.home)
    assert len(await told(harness)) == 3


async def test_turns_off(harness: AppHarness) -> None:
    """An alert that is turned off disappears from Home, and the channel sees who did it."""
    await harness.ada.click("Turn off…", at_home=True)
    off = await harness.ada.submit({})
    assert "*Your alerts*" not in words(off.home)
    assert "<@U0ADA>" in (await told(harness))[-1]


async def test_turns_off_although_the_app_cannot_post(harness: AppHarness) -> None:
    """An alert is turned off even if the app can't post in its channel."""
    harness.workspace.directory.archive(OPS)
    await harness.ada.click("Turn off…", at_home=True)
    off = await harness.ada.submit({})
    assert "*Your alerts*" not in words(off.home)


async def test_resumes(harness: AppHarness) -> None:
    """An alert that paused after a disconnect can be resumed."""
    await harness.ada.click("Disconnect…", at_home=True)
    await harness.ada.submit({})
    await harness.ada.close()
    await harness.connect(harness.ada, ACME_OPERATIONS)
    exchange = await harness.ada.open_home()
    assert ":double_vertical_bar: Paused <!date^" in words(exchange.home)
    resumed = await harness.ada.click("Resume", at_home=True)
    assert ":bell: On" in words(resumed.home)
    assert "<@U0ADA>" in (await told(harness))[-1]


async def test_does_not_resume_where_others_read_along(harness: AppHarness) -> None:
    """Resuming is refused if outsiders read the channel, and the Home tab says why."""
    await harness.ada.click("Disconnect…", at_home=True)
    await harness.ada.submit({})
    await harness.ada.close()
    await harness.connect(harness.ada, ACME_OPERATIONS)
    harness.workspace.directory.share(OPS)
    await harness.ada.open_home()
    refused = await harness.ada.click("Resume", at_home=True)
    blocks = (refused.home or {})["blocks"]
    assert blocks[0]["block_id"] == "error.share_refused"
    assert "Resume" in options(refused.home)


async def test_does_not_resume_in_a_channel_that_one_has_left(harness: AppHarness) -> None:
    """Former members can turn off an alert, but not resume it."""
    await harness.ada.click("Disconnect…", at_home=True)
    await harness.ada.submit({})
    await harness.ada.close()
    await harness.connect(harness.ada, ACME_OPERATIONS)
    harness.workspace.directory.remove(OPS, "U0ADA")
    await harness.ada.open_home()
    refused = await harness.ada.click("Resume", at_home=True)
    assert (refused.home or {})["blocks"][0]["block_id"] == "error.not_in_channel"
    assert "Join <#C0OPS>" in words(refused.home)
    await harness.ada.click("Turn off…", at_home=True)
    off = await harness.ada.submit({})
    assert "*Your alerts*" not in words(off.home)


async def test_an_alert_of_another_user_is_not_changed(harness: AppHarness, poster: Poster) -> None:
    """A request with another user's alert ID gets the error for an outdated button."""
    value = re.search(r"\[\"1\",\"alert\"[^}]*}\]", str(await home_of(harness)))
    assert value is not None
    pressed = home_action("home.alerts.off", value.group().replace("\\", ""), "V1")
    pressed["user"] = {**pressed["user"], "id": "U0GRACE"}
    await poster.interaction(pressed)
    await poster.settled()
    assert ":bell: On" in words((await harness.ada.open_home()).home)
    grace = harness.workspace.views.home("U0GRACE")
    assert grace is not None
    assert "too old" in words(grace.content)


async def home_of(harness: AppHarness) -> list[dict[str, Any]]:
    view = harness.workspace.views.home("U0ADA")
    assert view is not None
    blocks: list[dict[str, Any]] = view.content["blocks"]
    return blocks
