"""Alerts in the Home tab: muted, turned off and resumed from anywhere; their channels are told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from sandbox.emporix.keys import ACME_OPERATIONS
from tests.listeners.home.reading import buttons, words
from tests.posting import Poster
from tests.samples import home_action
from tests.shop import Shop

OPS = "C0OPS"


@pytest.fixture
async def shop(connected: Shop) -> Shop:
    """Ada looks at her Home; #ops has an alert of hers."""
    await connected.person("ada", "ops").command("/emporix alerts on")
    await connected.ada.open_home()
    return connected


async def told(shop: Shop) -> Sequence[str]:
    """What everyone in #ops reads."""
    seen = await shop.person("grace", "ops").messages()
    return [message["text"] for message in seen]


async def test_shows_whose_alert_is_where(shop: Shop) -> None:
    """Only its owner has it in their Home."""
    ada, grace = await shop.ada.open_home(), await shop.grace.open_home()
    assert "<#C0OPS> · tenant acme, failed" in words(ada.home)
    assert "*Your alerts*" not in words(grace.home)


async def test_mutes_and_unmutes(shop: Shop) -> None:
    """The channel learns of it, and the Home shows it at once."""
    muted = await shop.ada.click("Mute for 2 hours", at_home=True)
    assert ":mute: Muted until" in words(muted.home)
    assert "muted" in (await told(shop))[-1].lower()
    heard = await shop.ada.click("Unmute", at_home=True)
    assert ":bell: On" in words(heard.home)
    assert len(await told(shop)) == 3


async def test_turns_off(shop: Shop) -> None:
    """It leaves the Home, and the channel reads who did it."""
    off = await shop.ada.click("Turn off", at_home=True)
    assert "*Your alerts*" not in words(off.home)
    assert "<@U0ADA>" in (await told(shop))[-1]


async def test_turns_off_where_the_app_cannot_speak_any_more(shop: Shop) -> None:
    """It is off all the same; nobody there can be told."""
    shop.workspace.directory.archive(OPS)
    off = await shop.ada.click("Turn off", at_home=True)
    assert "*Your alerts*" not in words(off.home)


async def test_resumes(shop: Shop) -> None:
    """What paused because its owner disconnected goes on when they are back."""
    await shop.ada.click("Disconnect", at_home=True)
    await shop.connect(shop.ada, ACME_OPERATIONS)
    exchange = await shop.ada.open_home()
    assert ":double_vertical_bar: Paused since" in words(exchange.home)
    resumed = await shop.ada.click("Resume", at_home=True)
    assert ":bell: On" in words(resumed.home)
    assert "<@U0ADA>" in (await told(shop))[-1]


async def test_does_not_resume_where_others_read_along(shop: Shop) -> None:
    """Refused as by command; the Home says why on top, and stays."""
    await shop.ada.click("Disconnect", at_home=True)
    await shop.connect(shop.ada, ACME_OPERATIONS)
    shop.workspace.directory.share(OPS)
    await shop.ada.open_home()
    refused = await shop.ada.click("Resume", at_home=True)
    blocks = (refused.home or {})["blocks"]
    assert blocks[0]["block_id"] == "error.share_refused"
    assert "Resume" in buttons(refused.home)


async def test_does_not_resume_in_a_channel_that_one_has_left(shop: Shop) -> None:
    """What posts there is refused, with the way back; turning it off is not."""
    await shop.ada.click("Disconnect", at_home=True)
    await shop.connect(shop.ada, ACME_OPERATIONS)
    shop.workspace.directory.remove(OPS, "U0ADA")
    await shop.ada.open_home()
    refused = await shop.ada.click("Resume", at_home=True)
    assert (refused.home or {})["blocks"][0]["block_id"] == "error.not_in_channel"
    assert "Join <#C0OPS>" in words(refused.home)
    off = await shop.ada.click("Turn off", at_home=True)
    assert "*Your alerts*" not in words(off.home)


async def test_somebody_elses_alert_is_not_touched(shop: Shop, poster: Poster) -> None:
    """Whoever sends another's id is told that the button is old."""
    value = re.search(r"\[\"1\",\"alert\"[^}]*}\]", str(await home_of(shop)))
    assert value is not None
    pressed = home_action("home.alerts.off", value.group().replace("\\", ""), "V1")
    pressed["user"] = {**pressed["user"], "id": "U0GRACE"}
    await poster.interaction(pressed)
    await poster.settled()
    assert ":bell: On" in words((await shop.ada.open_home()).home)
    grace = shop.workspace.views.home("U0GRACE")
    assert grace is not None
    assert "too old" in words(grace.content)


async def home_of(shop: Shop) -> list[dict[str, Any]]:
    view = shop.workspace.views.home("U0ADA")
    assert view is not None
    blocks: list[dict[str, Any]] = view.content["blocks"]
    return blocks
