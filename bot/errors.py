"""What can go wrong, and which template explains it.

    BotError
    ├── NotUnderstood           the words are not a command
    ├── InvalidInput            a value that cannot be right
    ├── CredentialsTyped        a secret was typed into a command
    ├── NotConnected            no connection to that tenant, or to any
    ├── MissingScope            the connection may not do this
    ├── OutdatedButton          a button of an older version, or whose list has expired
    ├── Busy                    too much work is waiting
    ├── TriggerExpired          a modal could not be opened in time
    ├── FileRefused             Slack does not let this app share a file
    ├── ConnectRefused          a key that cannot be used for what was asked
    ├── ShareRefused            this may not be shown to everyone here
    ├── AdminsOnly              for administrators of the workspace
    ├── StoreUnavailable        Redis does not answer
    └── EmporixError
        ├── EmporixUnreachable  no connection, or none in time
        ├── EmporixTimeout      connected, but no whole answer in time
        ├── EmporixUnreadable   HTML, empty, truncated, of another shape; EmporixTooLarge
        ├── InvalidRequest      400
        ├── Unauthorized        401: the key or the token is not accepted
        ├── Forbidden           403
        ├── NotFound            404
        ├── RateLimited         429, or a quota fault
        ├── ExportUnusable      what an export job carries is no file to hand over
        └── EmporixFailed       5xx

SettingsWrong stands apart: it is for whoever starts the app.

The template of an error is `errors/<template>.json.j2`; the error itself is its `error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class SettingsWrong(Exception):
    """`problems` says what is wrong with each setting; never its value."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        lines = [f"  {name} {problem}" for name, problem in problems.items()]
        super().__init__(
            "\n".join(["Settings to mend (each is explained in .env.example):", *lines])
        )
        self.problems = problems


class BotError(Exception):
    """Something a person can be told about."""

    template: ClassVar[str]


class NotUnderstood(BotError):
    """`text` is what was typed after /emporix, `nearest` the command that was probably meant."""

    template = "not_understood"

    def __init__(self, text: str, nearest: str = "") -> None:
        super().__init__(f"nearest is {nearest!r}")  # what was typed may be a secret: no log has it
        self.text, self.nearest = text, nearest


class InvalidInput(BotError):
    """`problem` says what is wrong with `value`, `advice` what to type instead."""

    template = "invalid_input"

    def __init__(self, problem: str, value: str = "", advice: str = "") -> None:
        super().__init__(problem)
        self.problem, self.value, self.advice = problem, value, advice


class CredentialsTyped(BotError):
    """What may be a secret was typed into a command; it is not repeated."""

    template = "credentials_typed"


class NotConnected(BotError):
    """`tenant` is empty where the user has no connection at all; `connected` are the others."""

    template = "not_connected"

    def __init__(self, tenant: str = "", connected: tuple[str, ...] = ()) -> None:
        super().__init__(tenant)
        self.tenant, self.connected = tenant, connected


class MissingScope(BotError):
    """The connection to `tenant` lacks `scope`."""

    template = "missing_scope"

    def __init__(self, tenant: str, scope: str) -> None:
        super().__init__(f"{scope} on {tenant}")
        self.tenant, self.scope = tenant, scope


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


class TriggerExpired(BotError):
    """Slack gives 3 s to open a modal, and they were over; nothing was begun."""

    template = "trigger_expired"


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


class AdminsOnly(BotError):
    """The asker is not an administrator of the workspace."""

    template = "admins_only"


class StoreUnavailable(BotError):
    """Redis did not answer."""

    template = "store_unavailable"


class EmporixError(BotError):
    """Emporix did not do what was asked; `message` and `details` are its own words, untrusted."""

    template = "emporix_failed"

    def __init__(
        self, message: str = "", *, tenant: str = "", status: int = 0, details: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{type(self).__name__} {status or ''}".strip())
        self.message, self.tenant, self.status, self.details = message, tenant, status, details


class EmporixUnreachable(EmporixError):
    template = "emporix_unreachable"


class EmporixTimeout(EmporixError):
    template = "emporix_timeout"


class EmporixUnreadable(EmporixError):
    template = "emporix_unreadable"


class EmporixTooLarge(EmporixUnreadable):
    template = "emporix_too_large"


class InvalidRequest(EmporixError):
    template = "invalid_request"


class Unauthorized(EmporixError):
    template = "unauthorized"


class Forbidden(EmporixError):
    template = "forbidden"


class NotFound(EmporixError):
    """`resource_id` is what was asked for, `resource` says what that is."""

    template = "not_found"
    resource_id, resource = "", "job"


class RateLimited(EmporixError):
    """`retry_after` in seconds, where Emporix said."""

    template = "rate_limited"
    retry_after: float | None = None


class ExportUnusable(EmporixError):
    """`reason` is no_data, base64 or json; `message` says where it breaks."""

    template = "export_unusable"
    reason = resource_id = ""


class EmporixFailed(EmporixError):
    template = "emporix_failed"
