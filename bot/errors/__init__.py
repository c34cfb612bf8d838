"""What can go wrong, and which template explains it.

    BotError
    ├── NotUnderstood           the words are not a command
    ├── InvalidInput            a value that cannot be right
    ├── CredentialsTyped        a secret was typed into a command
    ├── NotConnected            no connection to that tenant, or to any
    ├── MissingScope            the connection may not do this
    ├── DeletesOff              the operator allows no such deletes
    ├── OutdatedButton          a button of an older version, or whose list has expired
    ├── Busy                    too much work is waiting
    ├── TriggerExpired          a modal could not be opened in time
    ├── FileRefused             Slack does not let this app share a file
    ├── ConnectRefused          a key that cannot be used for what was asked
    ├── ShareRefused            this may not be shown to everyone here
    ├── AdminsOnly              for administrators of the workspace
    ├── NoSuchDigest            the channel has none of that name
    ├── DigestRefused           a digest cannot be posted to that channel
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

from bot.errors.digests import DigestRefused, NoSuchDigest
from bot.errors.emporix import (
    EmporixError,
    EmporixFailed,
    EmporixTimeout,
    EmporixTooLarge,
    EmporixUnreachable,
    EmporixUnreadable,
    ExportUnusable,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unauthorized,
)
from bot.errors.ours import (
    AdminsOnly,
    BotError,
    Busy,
    ConnectRefused,
    CredentialsTyped,
    DeletesOff,
    FileRefused,
    InvalidInput,
    MissingScope,
    NotConnected,
    NotUnderstood,
    OutdatedButton,
    SettingsWrong,
    ShareRefused,
    StoreUnavailable,
    TriggerExpired,
)

__all__ = [
    "AdminsOnly",
    "BotError",
    "Busy",
    "ConnectRefused",
    "CredentialsTyped",
    "DeletesOff",
    "DigestRefused",
    "EmporixError",
    "EmporixFailed",
    "EmporixTimeout",
    "EmporixTooLarge",
    "EmporixUnreachable",
    "EmporixUnreadable",
    "ExportUnusable",
    "FileRefused",
    "Forbidden",
    "InvalidInput",
    "InvalidRequest",
    "MissingScope",
    "NoSuchDigest",
    "NotConnected",
    "NotFound",
    "NotUnderstood",
    "OutdatedButton",
    "RateLimited",
    "SettingsWrong",
    "ShareRefused",
    "StoreUnavailable",
    "TriggerExpired",
    "Unauthorized",
]
