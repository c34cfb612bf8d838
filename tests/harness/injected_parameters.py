"""The parameters that listeners and tasks can declare, and their types."""

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
    ClosingListener,
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
    ClosingListener: injection.ValuesAfterAck,
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


def of_request(listener: Listener) -> dict[str, Any]:
    """Return the types of the request's values for this listener, by parameter."""
    values: dict[str, Any] = get_type_hints(VALUES[type(listener)])
    if listener.audit is None or listener.audit.by_service:
        del values["audit_entry"]
    available = set(values)
    match listener:
        case CommandListener(in_ack=True):
            available &= {"text", "reply", "audit_entry"}
        case ClosingListener():
            available &= {"account", "cursor", "modal", "audit_entry"}
        case EventListener(before_ack=True):
            available &= {"run_after_ack", "audit_entry"}
        case EventListener():
            available -= {"run_after_ack"}
    return {**PROVIDERS, **{name: values[name] for name in available}}


def wrong_parameters(listener: Listener) -> list[str]:
    """The parameters of a listener that are not available, or have another type."""
    hints = get_type_hints(listener.function)
    states = {name: hints[name] for name in STATE_PARAMETERS & hints.keys()}
    return _wrong(listener.function, {**WEB_SERVICES, **of_request(listener), **states})


def wrong_parameters_of_task(task: ScheduledFunction) -> list[str]:
    """Like `wrong_parameters`, for tasks, which also take the values they were queued with."""
    known = {**WORKER_SERVICES, **TASK_VALUES}
    if not isinstance(task, QueuedTask):
        del known["context"]
        return _wrong(task.function, known)
    hints = get_type_hints(task.function)
    queued = {name: kind for name, kind in hints.items() if kind in (str, int, float)}
    return _wrong(task.function, {**queued, **known})


def _wrong(function: Any, known: Types) -> list[str]:
    hints = get_type_hints(function)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return [
        f"{function.__module__}.{function.__name__}: {name}: {hints.get(name)} is not "
        f"{known.get(name, 'available')}"
        for name in names
        if name not in known or hints.get(name) != known[name]
    ]
