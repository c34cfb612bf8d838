"""Parses the arguments of a Web API call: JSON, form or query string."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from sandbox.slack.errors import ApiError

Arguments = Mapping[str, Any]

# Slack also accepts these as JSON in a form field.
STRUCTURED = ("blocks", "files", "metadata", "view")


async def arguments(request: Request) -> dict[str, Any]:
    """Parse the arguments of a call.

    Raises `ApiError`: invalid_json, json_not_object, invalid_form_data, invalid_post_type.
    """
    given = {**request.query_params, **_body(_media_type(request), await request.body())}
    return {name: _structured(name, value) for name, value in given.items()}


def required(given: Arguments, name: str) -> str:
    """Return a required string argument. Raises `ApiError`: invalid_arguments."""
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError("invalid_arguments", [f"missing required field: {name}"])
    return value


def optional(given: Arguments, name: str) -> str:
    """Return a string argument, "" by default. Raises `ApiError`: invalid_arguments."""
    value = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ApiError("invalid_arguments", [f"must provide a string [json-pointer:/{name}]"])
    return value


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _body(media_type: str, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    if media_type == "application/json":
        return _json(body)
    if media_type == "application/x-www-form-urlencoded":
        return _form(body)
    raise ApiError("invalid_post_type")


def _json(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except ValueError as problem:
        raise ApiError("invalid_json") from problem
    if not isinstance(given, dict):
        raise ApiError("json_not_object")
    return given


def _form(body: bytes) -> dict[str, Any]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except ValueError as problem:
        raise ApiError("invalid_form_data") from problem


def _structured(name: str, value: Any) -> Any:
    if name not in STRUCTURED or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
