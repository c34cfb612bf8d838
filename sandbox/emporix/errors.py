"""Error responses of Emporix: a status and a body in one of the documented formats.

Apigee, the gateway in front of the services, responds with `gateway_error`. The services' own
errors have `code`, `status` and `message`. The errors for sizes and quotas are those that Apigee
documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class ApiError(Exception):
    """Raised by code below the routes, and turned into the response."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, dict(body), dict(headers or {})


def gateway_error(
    status: int, words: str, code: str, headers: Mapping[str, str] | None = None
) -> ApiError:
    return ApiError(
        status, {"fault": {"faultstring": words, "detail": {"errorcode": code}}}, headers
    )


def service_error(status: int, message: str, **more: object) -> ApiError:
    phrase = HTTPStatus(status).phrase
    return ApiError(status, {"code": status, "status": phrase, "message": message} | more)


def bad_request(message: str, details: object = None) -> ApiError:
    """Return a 400. Emporix: `details` is a list of objects or strings, empty, or null."""
    return service_error(400, message, details=details)


def invalid_client() -> ApiError:
    return gateway_error(401, "Invalid client credentials", "oauth.v2.InvalidClientCredentials")


def invalid_token() -> ApiError:
    return gateway_error(401, "Invalid access token", "oauth.v2.InvalidAccessToken")


def expired_token() -> ApiError:
    return gateway_error(401, "Access Token expired", "keymanagement.service.access_token_expired")


def forbidden() -> ApiError:
    return service_error(
        403, "The access to the requested resource has been forbidden by the server."
    )


def not_found(resource_id: str) -> ApiError:
    message = f"The resource with id {resource_id} has not been found."
    return service_error(404, message, resourceId=resource_id)


def quota_exceeded(status: int = 429) -> ApiError:
    words = "Rate limit quota violation. Quota limit exceeded."
    return gateway_error(status, words, "policies.ratelimit.QuotaViolation")


def too_large(status: int) -> ApiError:
    return gateway_error(status, "Body buffer overflow", "protocol.http.TooBigBody")


def url_too_long(limit: int) -> ApiError:
    return gateway_error(414, f"request line size exceeding {limit:,}", "protocol.http.TooBigLine")


def headers_too_large(limit: int) -> ApiError:
    return gateway_error(
        431, f"request headers size exceeding {limit:,}", "protocol.http.TooBigHeaders"
    )


def for_status(status: int, resource_id: str = "") -> ApiError:
    """Return Emporix's response with this status, for an injected fault."""
    known = {
        400: bad_request("Validation problem with request.", []),
        401: invalid_token(),
        403: forbidden(),
        404: not_found(resource_id),
        429: quota_exceeded(),
    }
    return known.get(status) or service_error(status, "The service could not process the request.")
