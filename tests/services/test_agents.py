"""Finding agents by name or id, and caching names for each user."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from bot.domain.accounts import Connection, Credentials
from bot.domain.filters import Filters
from bot.domain.jobs import Agent
from bot.errors import EmporixTimeout
from bot.services import agents
from bot.services.agents import AgentNames, resolve_agents
from tests.harness.clock import FakeClock
from tests.store.fixtures import GRACE, connection

NAMES = {"a1": "Complaint Agent", "a2": "Returns", "a3": "returns", "Returns": "Odd"}


class FakeEmporix:
    """Answers once `open` is set; `asked` lists the tenants of all requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fails = False

    async def list_agents(self, connection: Connection) -> tuple[Agent, ...]:
        self.asked.append(connection.tenant)
        await self.open.wait()
        if self.fails:
            raise EmporixTimeout
        return (Agent("a1", f"{connection.caller.user_id} of {connection.tenant}"), Agent("", "x"))


async def names_of(names: AgentNames, held: Connection) -> agents.Names:
    names.prefetch(held)
    return await names.get_within(held, 5)


@pytest.mark.parametrize(
    ("typed", "ids", "shown", "guesses"),
    [
        (("a1",), ("a1",), ("Complaint Agent",), ()),
        (("complaint AGENT",), ("a1",), ("Complaint Agent",), ()),
        (("A1",), ("a1",), ("Complaint Agent",), ()),
        (("RETURNS",), ("Returns",), ("Odd",), ()),  # an id comes before a name
        (("odd", "a1"), ("Returns", "a1"), ("Odd", "Complaint Agent"), ()),
        (("complant agent",), ("complant agent",), ("complant agent",), ("Complaint Agent",)),
        (("nothing like it",), ("nothing like it",), ("nothing like it",), ()),
        # Hyphens, underscores, spaces and case do not matter, unless two agents differ only there.
        (("complaint-agent",), ("a1",), ("Complaint Agent",), ()),
        (("Complaint_Agent",), ("a1",), ("Complaint Agent",), ()),
        (("complaintagent",), ("a1",), ("Complaint Agent",), ()),
        (("A-1",), ("a1",), ("Complaint Agent",), ()),
        (("compliant_agent",), ("compliant_agent",), ("compliant_agent",), ("Complaint Agent",)),
        (("complaint",), ("complaint",), ("complaint",), ("Complaint Agent",)),
        (("--",), ("--",), ("--",), ()),
    ],
)
def test_resolves_ids_and_names(
    typed: tuple[str, ...], ids: tuple[str, ...], shown: tuple[str, ...], guesses: tuple[str, ...]
) -> None:
    """Text is resolved as an id, then as a name, and otherwise kept as an id."""
    found = resolve_agents(Filters(agents=typed), NAMES)
    assert (found.agents, found.agent_names, found.agent_guesses) == (ids, shown, guesses)


def test_a_name_of_two_agents_means_both() -> None:
    """A name that two agents have selects both."""
    found = resolve_agents(Filters(agents=("Twin",)), {"a": "Twin", "b": "twin"})
    assert found.agents == ("a", "b")


def test_an_unknown_agent_is_noted_if_the_names_are_known() -> None:
    """Without names, nothing is known about an agent."""
    asked = Filters(agents=("complant", "a1"))
    assert resolve_agents(asked, NAMES).unknown_agents == ("complant",)
    assert resolve_agents(asked, {}).unknown_agents == ()


async def test_names_are_cached_for_each_user_and_tenant(clock: FakeClock) -> None:
    """Names read with one user's key are not shown to another user."""
    emporix = FakeEmporix()
    names = AgentNames(cast("Any", emporix), clock)
    for held in (connection(), connection(GRACE), connection(tenant="globex")):
        expected = {"a1": f"{held.caller.user_id} of {held.tenant}"}
        assert await names_of(names, held) == expected
        assert await names_of(names, replace(held, token=None)) == expected
    assert emporix.asked == ["acme", "acme", "globex"]


async def test_a_new_key_reads_its_own_names(clock: FakeClock) -> None:
    """Names read with a replaced key are not shown for the new key."""
    emporix = FakeEmporix()
    names = AgentNames(cast("Any", emporix), clock)
    await names_of(names, connection())
    emporix.fails = True
    narrow = replace(connection(), credentials=Credentials("narrow", "secret"))
    assert await names_of(names, narrow) == {}


async def test_old_names_are_read_again(clock: FakeClock) -> None:
    """Names are read again after five minutes, or half a minute after a failure."""
    emporix = FakeEmporix()
    names = AgentNames(cast("Any", emporix), clock)
    emporix.fails = True
    assert await names_of(names, connection()) == {}
    assert await names_of(names, connection()) == {}
    emporix.fails = False
    clock.forward(30)
    assert await names_of(names, connection()) != {}
    clock.forward(299)
    assert await names_of(names, connection()) != {}
    assert len(emporix.asked) == 2
    clock.forward(1)
    await names_of(names, connection())
    assert len(emporix.asked) == 3


async def test_concurrent_lists_share_a_request(clock: FakeClock) -> None:
    """Two lists share one request, and a list that does not wait has no names."""
    emporix = FakeEmporix()
    emporix.open.clear()
    names = AgentNames(cast("Any", emporix), clock)
    names.prefetch(connection())
    names.prefetch(connection())
    assert await names.get_within(connection(), 0.01) == {}
    emporix.open.set()
    assert await names.get_within(connection(), 5) != {}
    assert emporix.asked == ["acme"]


async def test_at_most_fifty_requests_run(clock: FakeClock) -> None:
    """A slow Emporix never leaves too few connections for jobs."""
    emporix = FakeEmporix()
    emporix.open.clear()
    names = AgentNames(cast("Any", emporix), clock)
    for number in range(60):
        names.prefetch(connection(tenant=f"tenant-{number}"))
    await names.get_within(connection(tenant="tenant-0"), 0.01)
    assert len(emporix.asked) == 50
    emporix.open.set()
    assert await names.get_within(connection(tenant="tenant-49"), 5) != {}
    assert await names_of(names, connection(tenant="tenant-50")) != {}
    await names.close()


async def test_close_cancels_requests(clock: FakeClock) -> None:
    """No request is running after the process has closed its connections."""
    emporix = FakeEmporix()
    emporix.open.clear()
    names = AgentNames(cast("Any", emporix), clock)
    names.prefetch(connection())
    await names.get_within(connection(), 0.01)
    await names.close()
    assert await names.get_within(connection(), 0.01) == {}
