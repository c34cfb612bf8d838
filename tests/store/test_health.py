"""Redis is checked by a write, at most once a second."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import saq.queue.redis

from bot.errors import StoreUnavailable
from bot.store import keys as redis_keys
from bot.store.connection import connect
from bot.store.health import (
    COMMAND_EXAMPLES,
    PROBE_TTL_SECONDS,
    WriteProbe,
    clock_offset,
    missing_permissions,
)
from tests.harness.clock import FakeClock
from tests.harness.documents import text
from tests.harness.source_code import modules


async def test_asks_once_a_second(redis: Any, clock: FakeClock) -> None:
    """Concurrent checks cause one write."""
    probe = WriteProbe(redis, clock)
    await redis.config_resetstat()
    await asyncio.gather(*(probe.ping() for _ in range(100)))
    clock.forward(PROBE_TTL_SECONDS)
    await asyncio.gather(*(probe.ping() for _ in range(100)))
    assert (await redis.info("commandstats"))["cmdstat_set"]["calls"] == 2
    assert 0 < await redis.pttl(redis_keys.probe()) <= 1000  # nothing of it stays


async def test_reports_a_redis_that_refuses_writes(redis: Any, clock: FakeClock) -> None:
    """Every caller gets the Redis error code for a second; then the check is repeated."""
    probe = WriteProbe(redis, clock)
    await redis.config_set("maxmemory", 1)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"^OOM$"):
            await probe.ping()
        await redis.config_set("maxmemory", 0)
    clock.forward(PROBE_TTL_SECONDS)
    await probe.ping()


async def test_compares_a_clock_with_that_of_redis(redis: Any) -> None:
    """The clock offset is in seconds, with its sign."""
    seconds, micros = await redis.time()
    there = seconds + micros / 1e6
    assert await clock_offset(redis, lambda: there + 7) == pytest.approx(7, abs=2)
    assert await clock_offset(redis, lambda: there - 7) == pytest.approx(-7, abs=2)


GUIDE = "docs/operator-guide.md"
USER = "emporix-jobs"
BEGIN = {"auth", "hello", "select", "multi", "exec"}
"""Commands that redis-py sends itself: at connection setup, and around transactions."""

CLIENTS = {"redis", "_redis", "pipe", "client"}
METHODS = {"delete": "del"}
"""Methods of redis-py whose names differ from their commands."""

LIBRARY = {
    "register_script": {"evalsha", "script"},
    "lock": {"set", "evalsha", "script", "get", "del"},
}
"""Methods of redis-py that send other commands."""

UNUSED = {"brpoplpush", "llen", "zcard", "zrange", "scan", "pubsub"}
"""Commands in saq functions that the app never calls, or for servers older than 6.2."""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def receiver(node: ast.expr) -> str:
    """The name at the left end of `a.b.c(…).d`, where a chain of calls begins."""
    while isinstance(node, ast.Call | ast.Attribute):
        if isinstance(node, ast.Attribute) and node.attr in CLIENTS:
            return node.attr
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def used_in(source: str) -> set[str]:
    """Methods called on clients and pipelines, and commands in scripts."""
    found = {name.lower() for name in re.findall(r"redis\.call\(\s*['\"](\w+)", source)}
    for call in calls(ast.parse(source)):
        if isinstance(call.func, ast.Attribute) and receiver(call.func.value) in CLIENTS:
            found |= LIBRARY.get(call.func.attr, {METHODS.get(call.func.attr, call.func.attr)})
    return found


@pytest.fixture
async def used(redis: Any) -> set[str]:
    """Every command in the source of the app and of saq."""
    known = {name.lower() for name in await redis.command()}
    code = [path.read_text(encoding="utf-8") for path in modules("bot")]
    ours = set().union(*map(used_in, code))
    queue = used_in(inspect.getsource(saq.queue.redis)) - UNUSED
    return (ours | queue) & known


def examples() -> set[str]:
    return {line.partition(" ")[0] for line in COMMAND_EXAMPLES.split("\n") if line}


def orders() -> list[str]:
    return re.findall(rf"^ACL SETUSER {USER} .*$", text(GUIDE), re.MULTILINE)


@pytest.fixture
async def restricted(redis: Any, redis_url: str) -> AsyncIterator[Any]:
    """A client with the Redis user of the operator guide."""
    for line in orders():
        await redis.execute_command(*line.split())
    client = connect(redis_url.replace("unix://", f"unix://{USER}:password@"))
    yield client
    await client.aclose()
    await redis.execute_command("ACL", "DELUSER", USER)


async def test_the_list_is_that_of_the_source(used: set[str]) -> None:
    """The examples have exactly the commands that the source uses."""
    assert examples() - {"ping"} == used - {"ping"} - BEGIN


def test_the_guide_allows_what_is_used() -> None:
    """The user of the operator guide has exactly these permissions."""
    allowed = {word[1:] for line in orders() for word in line.split() if word.startswith("+")}
    assert {word.partition("|")[0] for word in allowed} == examples() | BEGIN


async def test_each_example_is_in_a_form_that_redis_accepts(redis: Any) -> None:
    """Redis accepts the form of each example, so that only a permission can be missing."""
    for line in filter(None, COMMAND_EXAMPLES.split("\n")):
        async with redis.pipeline(transaction=True) as pipe:
            pipe.execute_command(*line.split(" "))
            answers = await pipe.execute(raise_on_error=False)
        assert "wrong number of arguments" not in str(answers[0]), line


async def test_the_user_of_the_guide_lacks_nothing(redis: Any, restricted: Any) -> None:
    """The user of the guide lacks no permission, and the check changes nothing."""
    assert await missing_permissions(restricted) == []
    assert await redis.keys() == []


@pytest.mark.parametrize("command", sorted(examples() | {"multi", "exec"}))
async def test_names_the_right_that_is_missing(redis: Any, restricted: Any, command: str) -> None:
    """Any missing permission is found."""
    await redis.execute_command("ACL", "SETUSER", USER, f"-{command}")
    assert await missing_permissions(restricted) == [command.upper()]
    assert await redis.keys() == []
