"""/emporix and /emporix help: a short overview with the connection, and help in the ack."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.listeners.help import GROUPS
from sandbox.emporix.keys import ACME_READ_ONLY, GLOBEX_OPERATIONS
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.home.views import words
from tests.listeners.jobs.fixtures import add_jobs


@pytest.mark.parametrize("text", ["help", "help all", "help connect", "help jobs", "help filters"])
async def test_lists_commands_in_the_ack(
    harness: AppHarness, text: str, snapshot: SnapshotAssertion
) -> None:
    """Help is answered in the ack, so it works even if everything else is down."""
    exchange = await harness.ada.command(f"/emporix {text}")
    assert [sent["via"] for sent in exchange.sent] == ["ack"]
    assert exchange.payloads == snapshot


async def test_a_bare_command_shows_the_connection(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The bare command says what the user is connected to and with which rights."""
    assert (await harness.ada.command("/emporix")).payloads == snapshot(name="not connected")
    await harness.connect(harness.ada, ACME_READ_ONLY)
    assert (await harness.ada.command("/emporix")).payloads == snapshot(name="connected")
    await harness.connect(harness.ada, GLOBEX_OPERATIONS)
    text = (await harness.ada.command("/emporix  ")).payloads[0]["text"]
    assert text == "Emporix Jobs — connected to acme (read only) and 1 more tenant"


async def test_without_redis_the_bare_command_shows_the_static_help(clock: FakeClock) -> None:
    """If Redis does not answer, the bare command shows the same as help."""
    async with open_app(None, "unix:///nowhere/redis.sock", clock) as harness:
        static = (await harness.ada.command("/emporix help")).payloads[0]
        shown = (await harness.ada.command("/emporix")).payloads[0]
    assert shown["blocks"] == static["blocks"]


async def test_its_buttons_run_the_commands(connected: AppHarness) -> None:
    """Each button of the overview shows what its label says."""
    add_jobs(connected, 6)
    shown = {
        "Show today's failures": "failed, <!date^",
        "Show running jobs": "running",
        "Show all commands": "*Jobs*",
        "Show filters": "Filters and words go in any order.",
    }
    for label, expected in shown.items():
        await connected.ada.command("/emporix")
        exchange = await connected.ada.click(label)
        assert expected in words(exchange.payloads[-1]), label
    await connected.ada.command("/emporix")
    form = await connected.ada.click("Search…")
    assert form.view is not None
    assert form.view["callback_id"] == "jobs.filter.submit"


async def test_lists_the_most_used_commands_of_each_group_first(harness: AppHarness) -> None:
    """All commands are grouped, and their order is that of their use."""
    told = words((await harness.ada.command("/emporix help all")).payloads[0])
    places = [told.index(f"*{group}*") for group in GROUPS]
    assert places == sorted(places)
    order = ["jobs list", "jobs get", "jobs clean", "jobs delete", "digest new", "connect", "audit"]
    listed = [told.index(f"`/emporix {command}") for command in order]
    assert listed == sorted(listed)


@pytest.mark.parametrize(
    ("topic", "says"),
    [("dates", "`since:monday`"), ("watch", "jobs watch"), ("jobs clean", "jobs clean")],
)
async def test_topics_can_be_named_as_commands_are_typed(
    harness: AppHarness, topic: str, says: str
) -> None:
    """Help on dates is the help on filters, and help on a command of jobs works without `jobs`."""
    shown = (await harness.ada.command(f"/emporix help {topic}")).payloads[0]
    assert says in str(shown)
