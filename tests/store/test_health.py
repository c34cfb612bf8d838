"""Whether Redis does its work is seen by a write, and asked for no more than once a second."""

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
    """However many ask at the same time."""
    probe = WriteProbe(redis, clock)
    await redis.config_resetstat()
    await asyncio.gather(*(probe.ping() for _ in range(100)))
    clock.forward(PROBE_TTL_SECONDS)
    await asyncio.gather(*(probe.ping() for _ in range(100)))
    assert (await redis.info("commandstats"))["cmdstat_set"]["calls"] == 2
    assert 0 < await redis.pttl(redis_keys.probe()) <= 1000  # nothing of it stays


async def test_names_a_redis_that_takes_no_writes(redis: Any, clock: FakeClock) -> None:
    """By its own word, to all who ask within the second; then it is asked again."""
    probe = WriteProbe(redis, clock)
    await redis.config_set("maxmemory", 1)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"^OOM$"):
            await probe.ping()
        await redis.config_set("maxmemory", 0)
    clock.forward(PROBE_TTL_SECONDS)
    await probe.ping()


async def test_compares_a_clock_with_that_of_redis(redis: Any) -> None:
    """In seconds, with its sign."""
    seconds, micros = await redis.time()
    there = seconds + micros / 1e6
    assert await clock_offset(redis, lambda: there + 7) == pytest.approx(7, abs=2)
    assert await clock_offset(redis, lambda: there - 7) == pytest.approx(-7, abs=2)


GUIDE = "docs/operator-guide.md"
USER = "emporix-jobs"
BEGIN = {"auth", "hello", "select", "multi", "exec"}
"""What the client library itself sends: at the beginning, and around a transaction."""

CLIENTS = {"redis", "_redis", "pipe", "client"}
METHODS = {"delete": "del"}
"""Methods of the library that are called otherwise than their command."""

LIBRARY = {
    "register_script": {"evalsha", "script"},
    "lock": {"set", "evalsha", "script", "get", "del"},
}
"""Methods of the library that stand for other commands."""

UNUSED = {"brpoplpush", "llen", "zcard", "zrange", "scan", "pubsub"}
"""What saq uses in functions that the app never calls, or for servers older than 6.2."""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def receiver(node: ast.expr) -> str:
    """The name at the left end of `a.b.c(…).d`: the one that a chain of calls begins with."""
    while isinstance(node, ast.Call | ast.Attribute):
        if isinstance(node, ast.Attribute) and node.attr in CLIENTS:
            return node.attr
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def used_in(source: str) -> set[str]:
    """Methods that are called on clients and pipelines, and commands in scripts."""
    found = {name.lower() for name in re.findall(r"redis\.call\(\s*['\"](\w+)", source)}
    for call in calls(ast.parse(source)):
        if isinstance(call.func, ast.Attribute) and receiver(call.func.value) in CLIENTS:
            found |= LIBRARY.get(call.func.attr, {METHODS.get(call.func.attr, call.func.attr)})
    return found


@pytest.fixture
async def used(redis: Any) -> set[str]:
    """Every command in the source of the app and of its queue."""
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
    """A client as the user of the operator guide."""
    for line in orders():
        await redis.execute_command(*line.split())
    client = connect(redis_url.replace("unix://", f"unix://{USER}:password@"))
    yield client
    await client.aclose()
    await redis.execute_command("ACL", "DELUSER", USER)


async def test_the_list_is_that_of_the_source(used: set[str]) -> None:
    """A command that somebody begins to use, or no longer uses, is noticed here."""
    assert examples() - {"ping"} == used - {"ping"} - BEGIN


def test_the_guide_allows_what_is_used() -> None:
    """And nothing else."""
    allowed = {word[1:] for line in orders() for word in line.split() if word.startswith("+")}
    assert {word.partition("|")[0] for word in allowed} == examples() | BEGIN


async def test_each_example_is_in_a_form_that_redis_accepts(redis: Any) -> None:
    """A refusal for another reason than rights would hide that a right is missing."""
    for line in filter(None, COMMAND_EXAMPLES.split("\n")):
        async with redis.pipeline(transaction=True) as pipe:
            pipe.execute_command(*line.split(" "))
            answers = await pipe.execute(raise_on_error=False)
        assert "wrong number of arguments" not in str(answers[0]), line


async def test_the_user_of_the_guide_lacks_nothing(redis: Any, restricted: Any) -> None:
    """And asking changes nothing."""
    assert await missing_permissions(restricted) == []
    assert await redis.keys() == []


@pytest.mark.parametrize("command", sorted(examples() | {"multi", "exec"}))
async def test_names_the_right_that_is_missing(redis: Any, restricted: Any, command: str) -> None:
    """Whichever it is."""
    await redis.execute_command("ACL", "SETUSER", USER, f"-{command}")
    assert await missing_permissions(restricted) == [command.upper()]
    assert await redis.keys() == []
