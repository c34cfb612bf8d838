"""What listeners and tasks can take as parameters, and the declared type of each."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isfunction
from typing import Any, get_type_hints

from bot.clockwork.calls import Called, Task
from bot.clockwork.runner import TaskValues
from bot.slack import injection
from bot.slack.hear import Action, Command, Event, Heard, Shortcut, Submission, Suggestion
from bot.wiring import WebServices, WorkerServices

Types = Mapping[str, Any]

VALUES: Mapping[type[Heard], type[Any]] = {
    Command: injection.CommandValues,
    Action: injection.ActionValues,
    Shortcut: injection.ValuesAfterAck,
    Event: injection.EventValues,
    Submission: injection.SubmissionValues,
    Suggestion: injection.SuggestionValues,
}
WEB_SERVICES: Types = get_type_hints(WebServices)
WORKER_SERVICES: Types = get_type_hints(WorkerServices)
TASK_VALUES: Types = get_type_hints(TaskValues)
PROVIDERS: Types = {
    name: get_type_hints(method)["return"]
    for name, method in vars(injection.Providers).items()
    if isfunction(method) and not name.startswith("_")
}


def of_request(heard: Heard) -> dict[str, Any]:
    """What belongs to one request of this listener, by parameter."""
    values: dict[str, Any] = get_type_hints(VALUES[type(heard)])
    if heard.audit is None or heard.audit.by_service:
        del values["audit_entry"]
    available = set(values)
    match heard:
        case Command(in_ack=True):
            available &= {"text", "reply", "audit_entry"}
        case Event(before_ack=True):
            available &= {"afterwards", "audit_entry"}
        case Event():
            available -= {"afterwards"}
    return {**PROVIDERS, **{name: values[name] for name in available}}


def wrong_parameters(heard: Heard) -> list[str]:
    """The parameters of a listener that are not available, or have another type."""
    return _wrong(heard.listener, {**WEB_SERVICES, **of_request(heard)})


def wrong_parameters_of_task(called: Called) -> list[str]:
    """The same of a tick or a task, which also takes the ids and times that it was queued with."""
    known = {**WORKER_SERVICES, **TASK_VALUES}
    if not isinstance(called, Task):
        del known["errand"]
        return _wrong(called.function, known)
    hints = get_type_hints(called.function)
    queued = {name: kind for name, kind in hints.items() if kind in (str, int, float)}
    return _wrong(called.function, {**queued, **known})


def _wrong(function: Any, known: Types) -> list[str]:
    hints = get_type_hints(function)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return [
        f"{function.__module__}.{function.__name__}: {name}: {hints.get(name)} is not "
        f"{known.get(name, 'available')}"
        for name in names
        if name not in known or hints.get(name) != known[name]
    ]
