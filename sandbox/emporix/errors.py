"""How Emporix says no: a status and a body in one of the documented shapes.

The gateway in front of the services is Apigee, whose refusals are a `fault`; those of the services
carry `code`, `status` and `message`. Faults for sizes and quotas are Apigee's published ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class Refusal(Exception):
    """Raised anywhere below the routes; becomes the answer."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, dict(body), dict(headers or {})


def fault(status: int, words: str, code: str, headers: Mapping[str, str] | None = None) -> Refusal:
    return Refusal(
        status, {"fault": {"faultstring": words, "detail": {"errorcode": code}}}, headers
    )


def plain(status: int, message: str, **more: object) -> Refusal:
    phrase = HTTPStatus(status).phrase
    return Refusal(status, {"code": status, "status": phrase, "message": message} | more)


def bad_request(message: str, details: object = None) -> Refusal:
    """`details` is a list of objects or of strings, empty or null: all of them are met."""
    return plain(400, message, details=details)


def invalid_client() -> Refusal:
    return fault(401, "Invalid client credentials", "oauth.v2.InvalidClientCredentials")


def invalid_token() -> Refusal:
    return fault(401, "Invalid access token", "oauth.v2.InvalidAccessToken")


def expired_token() -> Refusal:
    return fault(401, "Access Token expired", "keymanagement.service.access_token_expired")


def forbidden() -> Refusal:
    return plain(403, "The access to the requested resource has been forbidden by the server.")


def not_found(resource_id: str) -> Refusal:
    message = f"The resource with id {resource_id} has not been found."
    return plain(404, message, resourceId=resource_id)


def quota(status: int = 429) -> Refusal:
    words = "Rate limit quota violation. Quota limit exceeded."
    return fault(status, words, "policies.ratelimit.QuotaViolation")


def too_large(status: int) -> Refusal:
    return fault(status, "Body buffer overflow", "protocol.http.TooBigBody")


def url_too_long(limit: int) -> Refusal:
    return fault(414, f"request line size exceeding {limit:,}", "protocol.http.TooBigLine")


def headers_too_large(limit: int) -> Refusal:
    return fault(431, f"request headers size exceeding {limit:,}", "protocol.http.TooBigHeaders")


def of_status(status: int, resource_id: str = "") -> Refusal:
    """What Emporix answers with this status, for a fault that somebody ordered."""
    known = {
        400: bad_request("Validation problem with request.", []),
        401: invalid_token(),
        403: forbidden(),
        404: not_found(resource_id),
        429: quota(),
    }
    return known.get(status) or plain(status, "The service could not process the request.")
