"""What can go wrong here, or in what somebody asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal


class SettingsWrong(Exception):
    """`problems` says what is wrong with each setting; never its value."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        lines = [f"  {name} {problem}" for name, problem in problems.items()]
        super().__init__(
            "\n".join(["Settings to correct (each is explained in .env.example):", *lines])
        )
        self.problems = problems


class BotError(Exception):
    """Something a person can be told about.

    `is_temporary`: the same may work a little later, without anybody doing anything. `pauses` names
    what scheduled work pauses for if it meets this again: "filters" or "connection", or nothing.
    """

    template: ClassVar[str]
    is_temporary: ClassVar[bool] = False
    pauses: ClassVar[Literal["", "filters", "connection"]] = ""


class NotUnderstood(BotError):
    """`text` is what was typed after /emporix, `nearest` the command that was probably meant."""

    template = "not_understood"

    def __init__(self, text: str, nearest: str = "") -> None:
        super().__init__(f"nearest is {nearest!r}")  # what was typed may be a secret: no log has it
        self.text, self.nearest = text, nearest


class InvalidInput(BotError):
    """`problem` says what is wrong with `value`, `advice` what to type instead.

    `field` is the one of a form that it stands in, where it does.
    """

    template = "invalid_input"
    pauses: ClassVar[Literal["", "filters", "connection"]] = "filters"

    def __init__(self, problem: str, value: str = "", advice: str = "", *, field: str = "") -> None:
        super().__init__(problem)
        self.problem, self.value, self.advice, self.field = problem, value, advice, field


class LimitReached(InvalidInput):
    """There are `most` of `what` (digests, alerts, clean-ups, posts) already; nothing was changed.

    `scope` is whose limit it is: channel, person, workspace or digest. `seconds` is after which one
    more is possible by itself, 0 where others have to go first.
    """

    pauses: ClassVar[Literal["", "filters", "connection"]] = ""

    def __init__(self, what: str, scope: str, most: int, seconds: int = 0) -> None:
        problem, advice = LIMITS[what, scope]
        super().__init__(
            problem.format(most=f"{most:,}"), advice=advice.format(again=_duration(seconds))
        )
        self.what, self.scope, self.most, self.seconds = what, scope, most, seconds


LIMITS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("digests", "channel"): (
        "This channel has {most} digests, which is the limit",
        "Delete one first: /emporix digest list shows them.",
    ),
    ("digests", "person"): (
        "You own {most} digests, which is the limit for one person",
        "Delete one first, or let someone else take one over: my Home tab shows yours.",
    ),
    ("digests", "workspace"): (
        "This workspace has {most} digests, which is the limit",
        "Delete some that are not needed: /emporix digest list shows those of a channel.",
    ),
    ("alerts", "channel"): (
        "This channel has {most} alerts, which is the limit",
        "Turn one off first: /emporix alerts list shows them.",
    ),
    ("alerts", "person"): (
        "You own {most} alerts, which is the limit for one person",
        "Turn one off first, or let someone else take one over: my Home tab shows yours.",
    ),
    ("alerts", "workspace"): (
        "This workspace has {most} alerts, which is the limit",
        "Turn off some that are not needed: /emporix alerts list shows those of a channel.",
    ),
    ("posts", "digest"): (
        "This digest was posted on request {most} times within an hour, which is the limit",
        "You can post it again in {again}.",
    ),
    ("clean-ups", "person"): (
        "You began {most} clean-ups within 24 hours, which is the limit",
        "You can begin the next one in {again}.",
    ),
}
"""The problem and the advice of each limit."""


def _duration(seconds: int) -> str:
    """Rounded up, so that what is possible after it is possible."""
    minutes = max(1, -(-seconds // 60))
    if minutes < 60:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours = -(-minutes // 60)
    return "1 hour" if hours == 1 else f"{hours} hours"


class CredentialsTyped(BotError):
    """What may be a secret was typed into a command; it is not repeated."""

    template = "credentials_typed"


class NotConnected(BotError):
    """`tenant` is empty where the user has no connection at all; `connected` are the others."""

    template = "not_connected"
    pauses = "connection"

    def __init__(self, tenant: str = "", connected: tuple[str, ...] = ()) -> None:
        # What was typed as a tenant may be a secret: the log names those that are connected.
        super().__init__(f"connected to {', '.join(connected) or 'no tenant'}")
        self.tenant, self.connected = tenant, connected


class MissingScope(BotError):
    """The connection to `tenant` lacks `scope`."""

    template = "missing_scope"
    pauses = "connection"

    def __init__(self, tenant: str, scope: str) -> None:
        super().__init__(f"{scope} on {tenant}")
        self.tenant, self.scope = tenant, scope


class DeletesOff(BotError):
    """The operator allows no deletes of this kind; nothing was deleted.

    `kind` is deletes or clean-ups.
    """

    template = "deletes_off"

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class OutdatedButton(BotError):
    """The button no longer says enough to act on; `command` runs the same thing anew.

    `query` is the short form of the list that it was for, empty where that is not known.
    """

    template = "outdated_button"

    def __init__(self, command: str = "/emporix jobs", query: str = "") -> None:
        super().__init__(command)
        self.command, self.query = command, query


class Busy(BotError):
    """This process has as much waiting as it may; nothing was begun."""

    template = "busy"
    is_temporary = True


class TriggerExpired(BotError):
    """Slack allows 3 s to open a modal, and they had passed; nothing was changed."""

    template = "trigger_expired"


class SlackFailed(BotError):
    """Slack did not do what was asked; the fields are those of `bot.slack.refusals.Refusal`.

    `reference` finds the error in the log.
    """

    template = "slack_failed"

    def __init__(self, kind: str, reason: str, seconds: float, about: str, reference: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind, self.reason, self.seconds, self.about = kind, reason, seconds, about
        self.reference = reference


class FileRefused(BotError):
    """Slack does not let the app share a file; `reason` is Slack's word, like missing_scope."""

    template = "file_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConnectRefused(BotError):
    """A key that was entered cannot be connected; nothing was stored.

    `reason` is tenant_name, credentials, other_tenant (`key_tenant` says which), no_read_scope or
    no_access.
    """

    template = "connect_refused"

    def __init__(self, reason: str, tenant: str = "", key_tenant: str = "") -> None:
        super().__init__(reason)
        self.reason, self.tenant, self.key_tenant = reason, tenant, key_tenant


class ShareRefused(BotError):
    """Nothing was shown to anybody.

    `reason` is outsiders (other organisations read the channel), unknown (who reads it cannot be
    found out), direct (not a channel) or not_member (the app cannot post there any more).
    """

    template = "share_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotInChannel(BotError):
    """The user acts on a channel from elsewhere and is no member of it.

    `known` is False where the app cannot see who its members are.
    """

    template = "not_in_channel"

    def __init__(self, channel_id: str, *, known: bool = True) -> None:
        super().__init__(channel_id)
        self.channel_id, self.known = channel_id, known


class NotOurs(BotError):
    """The app does not answer this request; nothing was read or stored for it.

    `reason` is team (of another workspace), app (of another app), outsider (of a person of another
    organization) or unknown (Slack does not say at the moment which workspace is ours).
    """

    template = "not_ours"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AdminsOnly(BotError):
    """The asker is not an administrator of the workspace."""

    template = "admins_only"


class StoreUnavailable(BotError):
    """Redis did not answer."""

    template = "store_unavailable"
    is_temporary = True
