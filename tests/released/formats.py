"""The formats of the app as JSON: identifiers, states of buttons, records, and a whole Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache
from inspect import signature
from typing import Any, get_args, get_type_hints

from hypothesis import Phase, find, given, seed, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

import bot.listeners
import bot.tasks
from bot.domain.accounts import Caller
from bot.domain.audit import AuditEvent
from bot.domain.filters import Filters
from bot.domain.records import SERIALIZERS, Serializer
from bot.rendering import buttons
from bot.rendering.buttons import BUTTON_STATES, ButtonState
from bot.rendering.renderer import Renderer, examples
from bot.scheduler.tasks import discover as discover_tasks
from bot.services.filters.parser import from_compact, to_compact
from bot.slack.decorators import STATE_PARAMETERS, Listener
from bot.slack.decorators import discover as discover_listeners
from bot.slack.posting.post_once import with_markers
from bot.store import keys as redis_keys
from tests.harness.clock import NOW
from tests.harness.injected_parameters import TASK_VALUES, WORKER_SERVICES
from tests.store.test_serialization import records, types_within, values, with_default

Facts = dict[str, Any]
MAX_EXAMPLES = 12
SAME_EACH_TIME = settings(
    max_examples=300, database=None, deadline=None, phases=[Phase.generate, Phase.shrink]
)
QUERIES = (
    Filters(),
    Filters(
        words=("refund", "no order"),
        statuses=("failure",),
        types=("AGENT_CHAT",),
        agents=("complaint-agent",),
        agent_types=("complaint",),
        events=("order.order-created",),
        sessions=("session-1",),
        since=NOW - 60,
        until=NOW,
        tenant="acme",
        sort="metadata.createdAt:ASC",
        page=2,
        size=25,
        fields=("id",),
        agent_names=("Complaint Agent",),
        last_seconds=60.0,
    ),
    Filters(raw_q="status:failure", tenant="acme"),
)


def name_of(type_: Any) -> str:
    """The name of a stored type, such as `Digest` or `dict[str, Any]`."""
    return type_.__name__ if isinstance(type_, type) and not get_args(type_) else str(type_)


def serializers() -> dict[str, Serializer[Any]]:
    """The app's serializers by type, without those that a test has added for a known type."""
    return {name_of(one.type): one for one in reversed(SERIALIZERS)}


@cache
def identifiers() -> dict[str, Facts]:
    """Names that Slack or Redis keep, each with what belongs to it, or None, by kind."""
    registry = discover_listeners(bot.listeners)
    named: dict[str, dict[str, Listener]] = {
        "action": {**registry.actions},
        "submission": {**registry.submissions},
        "closing": {**registry.closings},
        "shortcut": {**registry.shortcuts},
        "options": {**registry.options},
        "event": {**registry.events},
    }
    words = (word for one in registry.commands.values() for word in (one.words, *one.also))
    constants = (value for name, value in vars(buttons).items() if name.isupper())
    return {
        "listeners": {f"{kind} {name}": None for kind in named for name in named[kind]},
        "states": dict(_states(named)),
        "optional states": dict.fromkeys(_without_states(named)),
        "commands": dict.fromkeys(words),
        "buttons": dict.fromkeys(one for one in constants if isinstance(one, str) and "." in one),
        "modal fields": dict.fromkeys(_modal_fields()),
        "tasks": {
            name: _arguments(task.function)
            for name, task in discover_tasks(bot.tasks).queued.items()
        },
        "redis keys": dict.fromkeys(_redis_keys()),
        "audit events": dict.fromkeys(map(str, AuditEvent)),
        "post markers": with_markers({"blocks": [{"type": "divider"}]}, "digest:1"),
        "queries": dict(_queries()),
    }


def _states(named: Mapping[str, dict[str, Listener]]) -> Iterator[tuple[str, str]]:
    """The kind of the state that a listener decodes."""
    for kind, listeners in named.items():
        for name, one in listeners.items():
            hints = get_type_hints(one.function)
            for parameter in sorted(STATE_PARAMETERS & hints.keys()):
                options = get_args(hints[parameter]) or (hints[parameter],)
                yield f"{kind} {name} {parameter}", options[0].kind


def _without_states(named: dict[str, dict[str, Listener]]) -> Iterator[str]:
    """Listeners that accept a button or a modal without a state."""
    for kind, listeners in named.items():
        for name, one in listeners.items():
            hints = get_type_hints(one.function)
            needed = (p for p in STATE_PARAMETERS & hints.keys() if not get_args(hints[p]))
            if not any(needed):
                yield f"{kind} {name}"


def _modal_fields() -> Iterator[str]:
    """The inputs of each modal in the examples of the templates."""
    renderer = Renderer.default()
    for name in renderer.templates():
        for facts in examples(renderer, name).values():
            view: Any = renderer.render(name, **facts)
            for block in view.get("blocks", ()) if view.get("type") == "modal" else ():
                if block["type"] == "input":
                    element = block["element"]
                    yield f"{view['callback_id']} {block['block_id']} {element['action_id']}"


def _arguments(function: Any) -> dict[str, str]:
    """What a task is queued with: its parameters that are not injected."""
    injected = WORKER_SERVICES.keys() | TASK_VALUES.keys()
    hints = get_type_hints(function)
    return {name: hints[name].__name__ for name in signature(function).parameters.keys() - injected}


def _redis_keys() -> Iterator[str]:
    for name, made in vars(redis_keys).items():
        if isinstance(made, str) and name.isupper():
            yield made
        elif callable(made) and made.__module__ == redis_keys.__name__ and name[0] != "_":
            hints = {name: kind for name, kind in get_type_hints(made).items() if name != "return"}
            caller = Caller("<team>", "<user>", "<enterprise>")
            yield made(**{one: caller if hints[one] is Caller else f"<{one}>" for one in hints})


def _queries() -> Iterator[tuple[str, Facts]]:
    for filters in QUERIES:
        compact = to_compact(filters, searched=True)
        yield compact, meaning(Filters, from_compact(compact)[0])


def button_states() -> dict[str, Facts]:
    """The fields and two values of each state of a button or a modal, by its kind."""
    return {state.kind: _button_state(state) for state in BUTTON_STATES}


def _button_state(state: type[ButtonState]) -> Facts:
    example = {"str": "é<&>1", "int": 7, "bool": True}
    all_of_it: Facts = {field.name: example[str(field.type)] for field in fields(state)}
    required = {one.name: all_of_it[one.name] for one in fields(state) if one.default is MISSING}
    made = [state(**all_of_it), state(**required)]
    return {
        "fields": {
            field.name: [str(field.type), *([] if field.default is MISSING else [field.default])]
            for field in fields(state)
        },
        "values": [{"value": one.value, "facts": asdict(one)} for one in made],
    }


def stored_records() -> dict[str, Facts]:
    """The schema, the fields taken from the Redis key, and examples of each type of record."""
    return {
        name: {
            "schema": schema(serializer),
            "key_fields": sorted(serializer.key_fields),
            "examples": _examples(serializer),
        }
        for name, serializer in serializers().items()
    }


def schema(serializer: Serializer[Any]) -> Facts:
    return TypeAdapter(serializer.type).json_schema(mode="validation")


def meaning(type_: Any, record: Any) -> Facts:
    """All fields of a record as JSON, including defaults and those of its Redis key."""
    return {"all": TypeAdapter(type_).dump_python(record, mode="json")}


def example_of(serializer: Serializer[Any], record: Any) -> Facts:
    return {"written": json.loads(serializer.write(record)), **meaning(serializer.type, record)}


def _examples(serializer: Serializer[Any]) -> list[Facts]:
    """A record with required fields only, and enough others to have each field at each depth."""
    names = {one.name for cls in types_within(serializer.type) for one in fields(cls)}
    smallest = find(_minimal(serializer.type), lambda record: True, settings=SAME_EACH_TIME)
    found, seen = [example_of(serializer, smallest)], set[str]()

    @seed(1)
    @SAME_EACH_TIME
    @given(record=records(serializer))
    def collect(record: Any) -> None:
        example = example_of(serializer, record)
        new = set(paths(example["written"], names)) - seen
        if new and len(found) < MAX_EXAMPLES:
            seen.update(new)
            found.append(example)

    collect()
    return found


def _minimal(type_: Any) -> st.SearchStrategy[Any]:
    """A record without the fields that have a default."""
    is_record = is_dataclass(type_)
    if not is_record:
        found: st.SearchStrategy[Any] = values(type_)
        return found
    hints, optional = get_type_hints(type_), {"unknown", *with_default(type_)}
    required = {one.name for one in fields(type_)} - optional
    return st.builds(type_, **{name: values(hints[name]) for name in required})


def paths(facts: Any, names: Set[str], path: str = "") -> Iterator[str]:
    """The fields within JSON, each with the type of its value; other names of objects are data."""
    if isinstance(facts, dict):
        for name, value in facts.items():
            yield from paths(value, names, f"{path}.{name if name in names else '*'}")
    elif isinstance(facts, list):
        for value in facts:
            yield from paths(value, names, f"{path}[]")
    else:
        yield f"{path} {type(facts).__name__}"


def unknown_fields(value: Any) -> set[str]:
    """The fields within a record that its class does not have."""
    if is_dataclass(value):
        inner = (getattr(value, one.name) for one in fields(value) if one.name != "unknown")
        return {*getattr(value, "unknown", ())}.union(*map(unknown_fields, inner))
    if isinstance(value, Mapping):
        return set().union(*map(unknown_fields, value.values()))
    if isinstance(value, list | tuple | frozenset):
        return set().union(*map(unknown_fields, value))
    return set()
