"""What can go wrong at Emporix, or on the way there.

| error | cause | is_temporary | pauses | may_have_worked |
| --- | --- | --- | --- | --- |
| EmporixUnreachable | network | yes | | no |
| EmporixTimeout | emporix | yes | | yes |
| EmporixUnreadable, EmporixTooLarge | network | yes | | yes |
| ProxyAnswered | proxy | yes | | yes |
| InvalidRequest | request | no | filters | no |
| Unauthorized, Forbidden | key | no | connection | no |
| NotFound, ExportUnusable | request | no | | no |
| RateLimited | emporix | yes | | no |
| EmporixFailed | emporix | yes | | yes |
| TokenRefused | emporix | yes | | no |

The columns are attributes of each class; `bot.emporix.failures` says which response is which error.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from bot.errors.ours import BotError

Cause = Literal["emporix", "network", "proxy", "key", "request"]


class EmporixError(BotError):
    """Emporix did not do what was asked; `message` and `details` are its own words, untrusted.

    `cause` is who must act. `may_have_worked`: a DELETE that ended so may have had its effect.
    `because` adds what is known of the reason; it holds nothing of the response. `retry_after` is
    in seconds, bounded, if a temporary refusal said when to try again.
    """

    template = "emporix_failed"
    cause: ClassVar[Cause] = "emporix"
    may_have_worked: ClassVar[bool] = False
    retry_after: float | None = None

    def __init__(
        self,
        message: str = "",
        *,
        tenant: str = "",
        status: int = 0,
        details: tuple[str, ...] = (),
        because: str = "",
    ) -> None:
        known = (type(self).__name__, str(status or ""), f"({because})" if because else "")
        super().__init__(" ".join(filter(None, known)))
        self.message, self.tenant, self.status, self.details = message, tenant, status, details
        self.because = because


class EmporixUnreachable(EmporixError):
    template = "emporix_unreachable"
    cause = "network"
    is_temporary = True


class EmporixTimeout(EmporixError):
    template = "emporix_timeout"
    is_temporary = True
    may_have_worked = True


class EmporixUnreadable(EmporixError):
    """`coding` is how the body is compressed, if that is why it was not read."""

    template = "emporix_unreadable"
    cause: ClassVar[Cause] = "network"
    is_temporary = True
    may_have_worked = True
    coding = ""


class EmporixTooLarge(EmporixUnreadable):
    template = "emporix_too_large"


class ProxyAnswered(EmporixUnreadable):
    """Something between this app and Emporix responded, for example with a page of HTML."""

    template = "proxy_answered"
    cause = "proxy"


class InvalidRequest(EmporixError):
    template = "invalid_request"
    cause = "request"
    pauses = "filters"


class Unauthorized(EmporixError):
    template = "unauthorized"
    cause = "key"
    pauses = "connection"


class Forbidden(EmporixError):
    template = "forbidden"
    cause = "key"
    pauses = "connection"


class NotFound(EmporixError):
    """`resource_id` is what was asked for; `resource` says what that is: job, session, or service,
    which has no id, where a list of something was not found.
    """

    template = "not_found"
    cause = "request"
    resource_id, resource = "", "job"


class RateLimited(EmporixError):
    template = "rate_limited"
    is_temporary = True


class ExportUnusable(EmporixError):
    """`reason` is no_data, base64 or json; `message` says where it breaks."""

    template = "export_unusable"
    cause = "request"
    reason = resource_id = ""


class EmporixFailed(EmporixError):
    template = "emporix_failed"
    is_temporary = True
    may_have_worked = True


class TokenRefused(EmporixError):
    """The token endpoint refuses how this app asks; `reason` is OAuth's code (RFC 6749, 5.2)."""

    template = "token_refused"
    is_temporary = True
    reason = ""


def _all(of: type[EmporixError]) -> set[type[EmporixError]]:
    return {of}.union(*map(_all, of.__subclasses__()))


MAY_HAVE_WORKED = frozenset(error.template for error in _all(EmporixError) if error.may_have_worked)
"""Results, by the template of their error, after which a job may be deleted."""

NOT_DONE = frozenset(error.template for error in _all(EmporixError)) - MAY_HAVE_WORKED
"""Results after which a job is certainly not deleted by that attempt."""
