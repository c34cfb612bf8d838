"""The parameters that listeners and tasks can declare, and the type of each."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isfunction
from typing import Any, get_type_hints

from bot.scheduler.runner import TaskValues
from bot.scheduler.tasks import QueuedTask, ScheduledFunction
from bot.slack import injection
from bot.slack.decorators import (
    STATE_PARAMETERS,
    ActionListener,
    CommandListener,
    EventListener,
    Listener,
    OptionsListener,
    ShortcutListener,
    SubmissionListener,
)
from bot.wiring import WebServices, WorkerServices

Types = Mapping[str, Any]

VALUES: Mapping[type[Listener], type[Any]] = {
    CommandListener: injection.CommandValues,
    ActionListener: injection.ValuesAfterAck,
    ShortcutListener: injection.ValuesAfterAck,
    EventListener: injection.EventValues,
    SubmissionListener: injection.SubmissionValues,
    OptionsListener: injection.OptionsValues,
}
WEB_SERVICES: Types = get_type_hints(WebServices)
WORKER_SERVICES: Types = get_type_hints(WorkerServices)
TASK_VALUES: Types = get_type_hints(TaskValues)
PROVIDERS: Types = {
    name: get_type_hints(method)["return"]
    for name, method in vars(injection.Providers).items()
    if isfunction(method) and not name.startswith("_")
}


def of_request(heard: Listener) -> dict[str, Any]:
    """What belongs to one request of this listener, by parameter."""
    values: dict[str, Any] = get_type_hints(VALUES[type(heard)])
    if heard.audit is None or heard.audit.by_service:
        del values["audit_entry"]
    available = set(values)
    match heard:
        case CommandListener(in_ack=True):
            available &= {"text", "reply", "audit_entry"}
        case EventListener(before_ack=True):
            available &= {"run_after_ack", "audit_entry"}
        case EventListener():
            available -= {"run_after_ack"}
    return {**PROVIDERS, **{name: values[name] for name in available}}


def wrong_parameters(heard: Listener) -> list[str]:
    """The parameters of a listener that are not available, or have another type."""
    hints = get_type_hints(heard.function)
    states = {name: hints[name] for name in STATE_PARAMETERS & hints.keys()}
    return _wrong(heard.function, {**WEB_SERVICES, **of_request(heard), **states})


def wrong_parameters_of_task(called: ScheduledFunction) -> list[str]:
    """The same of a tick or a task, which also takes the ids and times that it was queued with."""
    known = {**WORKER_SERVICES, **TASK_VALUES}
    if not isinstance(called, QueuedTask):
        del known["context"]
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
