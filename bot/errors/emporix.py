"""What can go wrong at Emporix, or on the way there."""

from __future__ import annotations

from bot.errors.ours import BotError


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
