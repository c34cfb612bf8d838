"""Processes of two versions read and save each other's records."""

from __future__ import annotations

import importlib
import json
import types
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.accounts import PolledConnection
from bot.domain.alerts import Alert
from bot.domain.conditions import Watermark
from bot.domain.digests import Digest, Schedule
from bot.domain.filters import Filters
from bot.domain.jobs import DeletedJob, TenantStats
from bot.domain.records import SERIALIZERS, InvalidRecord, Serializer, StoredRecord
from bot.domain.watches import Watch
from bot.store import keys as redis_keys
from bot.store.alerts import ALERT_SERIALIZER, AlertStore
from bot.store.digests import DigestStore
from bot.store.home import HomeStore
from bot.store.idempotency import Deletions
from bot.store.watches import WatchStore
from tests.harness.source_code import PROJECT, imports, modules
from tests.store.fixtures import ADA, CIPHER

for module in modules("bot/store"):
    importlib.import_module(".".join(module.relative_to(PROJECT).with_suffix("").parts))

each_type = pytest.mark.parametrize("serializer", SERIALIZERS, ids=lambda one: str(one.type))
WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
NUMBERS = st.integers(-(2**40), 2**40) | st.floats(-1e12, 1e12)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
PLAIN = {
    str: WORDS,
    int: st.integers(-(2**40), 2**40),
    float: st.floats(-1e12, 1e12),
    bool: st.booleans(),
    NoneType: st.none(),
    Any: ANYTHING,
}


@cache
def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type, every field of a dataclass included."""
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        own = {one.name: values(hints[one.name]) for one in fields(hint) if one.name != "unknown"}
        return st.builds(hint, **own)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    inner = [values(one) for one in get_args(hint) if one is not Ellipsis]
    match get_origin(hint):
        case types.UnionType:
            return st.one_of(inner)
        case origin if origin is tuple and get_args(hint)[-1:] == (Ellipsis,):
            return st.lists(*inner, max_size=3).map(tuple)
        case origin if origin is tuple:
            return st.tuples(*inner)
        case origin if origin in (list, frozenset):  # no set has an order to compare
            return st.lists(*inner, max_size=1).map(origin)
        case origin if origin in (dict, Mapping):
            return st.dictionaries(*inner, max_size=3)
    return PLAIN[hint]


def records(serializer: Serializer[Any]) -> st.SearchStrategy[Any]:
    hint: Any = serializer.type
    return values(hint)


def nodes(value: Any, facts: Any) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    """The dataclasses within a value, each with its JSON object, from the top down."""
    if is_dataclass(value):
        yield type(value), facts
        for name in facts:
            yield from nodes(getattr(value, name), facts[name])
    elif isinstance(value, Mapping):
        for name in facts:
            yield from nodes(value[name], facts[name])
    elif isinstance(value, list | tuple):
        for inner, inner_facts in zip(value, facts, strict=True):
            yield from nodes(inner, inner_facts)


def types_within(hint: Any) -> set[type[Any]]:
    """The dataclasses that a value of a type may contain."""
    if is_dataclass(hint) and isinstance(hint, type):
        inner = [types_within(one) for one in get_type_hints(hint).values()]
        return {hint}.union(*inner)
    return set().union(*map(types_within, get_args(hint)))


def key_fields(serializer: Serializer[Any], record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in serializer.key_fields}


def with_default(cls: type[Any]) -> dict[str, Any]:
    """The fields of a dataclass that may be missing, with their types."""
    hints = get_type_hints(cls)
    return {
        one.name: hints[one.name]
        for one in fields(cls)
        if (one.default, one.default_factory) != (MISSING, MISSING) and one.name != "unknown"
    }


@each_type
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_reads_back_whole(serializer: Serializer[Any], data: st.DataObject) -> None:
    """Any record is read as it was written."""
    record = data.draw(records(serializer))
    read = serializer.read(serializer.write(record), **key_fields(serializer, record))
    assert read == record
    assert type(read) is type(record)


@each_type
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_unknown_fields_are_preserved(serializer: Serializer[Any], data: st.DataObject) -> None:
    """A newer version's fields, at any depth, survive load, replace and save."""
    record = data.draw(records(serializer))
    facts = json.loads(serializer.write(record))
    if places := list(nodes(record, facts)):
        cls, place = data.draw(st.sampled_from(places))
        name = data.draw(WORDS.filter(lambda name: name not in cls.__dataclass_fields__))
        place[name] = data.draw(ANYTHING)
    read = serializer.read(json.dumps(facts), **key_fields(serializer, record))
    assert read == record
    if is_dataclass(read) and not isinstance(read, type):
        read = replace(read)
    assert json.loads(serializer.write(read)) == facts


@each_type
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_missing_fields_have_defaults(serializer: Serializer[Any], data: st.DataObject) -> None:
    """Missing fields, and null in fields that can't be null, have their defaults."""
    record = data.draw(records(serializer))
    facts = json.loads(serializer.write(record))
    places = [(cls, place) for cls, place in nodes(record, facts) if with_default(cls)]
    if not places:
        return
    cls, place = data.draw(st.sampled_from(places))
    name, hint = data.draw(st.sampled_from(list(with_default(cls).items())))
    place.pop(name, None)
    said = key_fields(serializer, record)
    missing = serializer.read(json.dumps(facts), **said)
    if NoneType not in get_args(hint):
        place[name] = None
        assert serializer.read(json.dumps(facts), **said) == missing


def test_every_stored_dataclass_preserves_unknown_fields() -> None:
    """No dataclass within a record drops a field, and nothing is written past the serializers."""
    stored = set().union(*(types_within(one.type) for one in SERIALIZERS))
    assert {cls for cls in stored if not issubclass(cls, StoredRecord)} == set()
    with_json = [path.stem for path in modules("bot/store") if "json" in imports(path)]
    # The first writes lines for other programs, the second reads records of any kind.
    assert with_json == ["audit", "erasure"]


@pytest.mark.parametrize(
    "text", ["", "[", "null", "7", "[1]", '{"jobs": 1}', "[" * 100_000, '{"words": "hunter2"}']
)
def test_an_invalid_record_is_unreadable(text: str) -> None:
    """An invalid record raises InvalidRecord, without the stored text."""
    with pytest.raises(InvalidRecord) as caught:
        Serializer(Watermark).read(text)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_lone_surrogates_are_stored() -> None:
    """Half a surrogate pair from Emporix doesn't make a record unreadable."""
    serializer = Serializer(Filters)
    assert serializer.read(serializer.write(Filters(words=("\ud83d",)))).words == ("\ud83d",)


ALERT = Alert("1", ADA, "C0OPS", Filters(tenant="acme"), 1.0, Watermark(1.0), 1.0)
DIGEST = Digest("1", ADA, "C0OPS", "Morning", Schedule(540, "UTC", (0,)), "acme")
WATCH = Watch("1", ADA, "acme", "1", 1.0)


OMITTED = sorted(ALERT_SERIALIZER.omit_default_of)


@pytest.mark.parametrize("name", OMITTED)
@given(data=st.data())
def test_fields_are_left_out_only_while_they_have_their_default(
    name: str, data: st.DataObject
) -> None:
    """A record without these fields is shorter, and keeps any other value and unknown fields."""
    facts = json.loads(ALERT_SERIALIZER.write(ALERT))
    assert facts.keys().isdisjoint(OMITTED)
    assert ALERT_SERIALIZER.read(json.dumps(facts)) == ALERT
    other = data.draw(values(get_type_hints(Alert)[name]))
    changed = replace(ALERT, **{name: other})
    assert ALERT_SERIALIZER.read(ALERT_SERIALIZER.write(changed)) == changed
    if is_dataclass(getattr(ALERT, name)):
        facts[name] = {"unknown in this version": data.draw(ANYTHING)}
        kept = json.loads(ALERT_SERIALIZER.write(ALERT_SERIALIZER.read(json.dumps(facts))))
        assert facts[name].items() <= kept[name].items()


async def two_alerts(redis: Any) -> tuple[str, str, Callable[[], Awaitable[Any]]]:
    store = AlertStore(redis, CIPHER)
    for number in "12":
        await store.save(replace(ALERT, id=number), None)
    return (
        redis_keys.alert("1"),
        "record",
        lambda: store.of_connection(PolledConnection(ADA, "acme")),
    )


async def two_digests(redis: Any) -> tuple[str, str, Callable[[], Awaitable[Any]]]:
    store = DigestStore(redis, CIPHER)
    for number in "12":
        await store.save(replace(DIGEST, id=number, name=f"Digest {number}"))
    return redis_keys.digest("1"), "record", lambda: store.of_owner(ADA)


async def two_watches(redis: Any) -> tuple[str, str, Callable[[], Awaitable[Any]]]:
    store = WatchStore(redis, CIPHER)
    for number in "12":
        await store.add(replace(WATCH, id=number, job_id=number), 1.0, 50)
    return redis_keys.watches(ADA), "acme:1", lambda: store.of_owner(ADA)


async def two_homes(redis: Any) -> tuple[str, str, Callable[[], Awaitable[Any]]]:
    store = HomeStore(redis, CIPHER)
    for tenant in "12":
        await redis.hset(redis_keys.account(ADA), f"connection:{tenant}", "any")
        await store.save_stats(ADA, [TenantStats(tenant, 1.0)])
    return redis_keys.home(ADA, "stats"), "1", lambda: store.load_stats(ADA)


@pytest.mark.parametrize("two", [two_alerts, two_digests, two_watches, two_homes])
async def test_one_unreadable_record_hides_no_other(
    two: Callable[[Any], Awaitable[tuple[str, str, Callable[[], Awaitable[Any]]]]],
    redis: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An unreadable record is skipped, and logged once."""
    key, field, all_of_them = await two(redis)
    assert len(await all_of_them()) == 2
    await redis.hset(key, field, CIPHER.encrypt('{"a": "hunter2"}', f"{key}/{field}"))
    assert len(await all_of_them()) == 1
    assert len(await all_of_them()) == 1
    assert caplog.text.count("could not read a stored") == 1
    assert "hunter2" not in caplog.text


async def test_one_unreadable_delete_hides_no_other(redis: Any) -> None:
    """An unreadable deletion doesn't hide a list's other deleted jobs."""
    store = Deletions(redis)
    for number in "12":
        await store.save(ADA, DeletedJob("acme", number, "U0ADA", 1.0))
    await redis.set(redis_keys.deletion(ADA, "acme", "1"), "{}")
    assert list(await store.load(ADA, [("acme", "1"), ("acme", "2")])) == [("acme", "2")]
