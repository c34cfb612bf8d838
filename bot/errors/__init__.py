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
    ├── SlackFailed             Slack refused a call, or did not answer it
    ├── FileRefused             Slack does not let this app share a file
    ├── ConnectRefused          a key that cannot be used for what was asked
    ├── ShareRefused            this may not be shown to everyone here
    ├── NotInChannel            the asker is no member of the channel that they act on
    ├── NotOurs                 a request of another workspace, app or organization
    ├── AdminsOnly              for administrators of the workspace
    ├── NoSuchDigest            the channel has none of that name
    ├── DigestRefused           a digest cannot be posted to that channel
    ├── StoreUnavailable        Redis does not answer
    └── EmporixError
        ├── EmporixUnreachable  no connection, or none in time
        ├── EmporixTimeout      connected, but no whole answer in time
        ├── EmporixUnreadable   empty, truncated, of another shape; EmporixTooLarge
        │   └── ProxyAnswered   HTML, or what else is not Emporix's, whatever its status
        ├── InvalidRequest      400 or 422, in Emporix's own words
        ├── Unauthorized        401: the key or the token is not accepted
        ├── Forbidden           403
        ├── NotFound            404
        ├── RateLimited         429, or a quota fault
        ├── ExportUnusable      what an export job carries is no file to hand over
        ├── TokenRefused        the token endpoint does not accept the kind of request
        └── EmporixFailed       5xx, and every other 4xx

SettingsWrong stands apart: it is for whoever starts the app.

The template of an error is `errors/<template>.json.j2`; the error itself is its `error`.
"""

from bot.errors.digests import DigestRefused, NoSuchDigest
from bot.errors.emporix import (
    MAY_HAVE_WORKED,
    NOT_DONE,
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
    ProxyAnswered,
    RateLimited,
    TokenRefused,
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
    LimitReached,
    MissingScope,
    NotConnected,
    NotInChannel,
    NotOurs,
    NotUnderstood,
    OutdatedButton,
    SettingsWrong,
    ShareRefused,
    SlackFailed,
    StoreUnavailable,
    TriggerExpired,
)

__all__ = [
    "MAY_HAVE_WORKED",
    "NOT_DONE",
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
    "LimitReached",
    "MissingScope",
    "NoSuchDigest",
    "NotConnected",
    "NotFound",
    "NotInChannel",
    "NotOurs",
    "NotUnderstood",
    "OutdatedButton",
    "ProxyAnswered",
    "RateLimited",
    "SettingsWrong",
    "ShareRefused",
    "SlackFailed",
    "StoreUnavailable",
    "TokenRefused",
    "TriggerExpired",
    "Unauthorized",
]
