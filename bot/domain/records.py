"""Records in Redis: base class that keeps unknown fields, JSON serializer, ISO 8601 times (UTC)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """Base class of all dataclasses stored in Redis, including nested ones.

    `unknown` contains, by name, any fields that were written by a newer version of the app and
    aren't known to this version. `dataclasses.replace` keeps them, and they are written back
    unchanged. They are ignored when records are compared.
    """

    unknown: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[StoredRecord], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema with which pydantic reads and writes records and unknown fields."""
        schema: dict[str, Any] = {**handler(source)}
        return core_schema.no_info_before_validator_function(
            _collector(source),
            # pydantic reuses schemas by ref if a type occurs twice: move the ref to this schema.
            ref=schema.pop("ref", None),
            schema=schema,
            serialization=core_schema.wrap_serializer_function_ser_schema(_with_unknown),
        )


def _collector(source: type[StoredRecord]) -> Callable[[Any], Any]:
    """Return a function that moves fields not defined by `source` to `unknown`.

    A null value counts as missing if the field has a default and can't be null.
    """
    hints = get_type_hints(source)
    names = hints.keys() - {"unknown"}
    required = {
        one.name
        for one in fields(source)
        if one.default is MISSING and one.default_factory is MISSING
    }
    keeps_null = required | {name for name in names if NoneType in get_args(hints[name])}

    def collect(facts: Any) -> Any:
        if not isinstance(facts, dict) or (facts.keys() <= names and None not in facts.values()):
            return facts
        known = {
            name: value
            for name, value in facts.items()
            if name in names and (value is not None or name in keeps_null)
        }
        return {**known, "unknown": {name: facts[name] for name in facts if name not in names}}

    return collect


def _with_unknown(record: Any, write: core_schema.SerializerFunctionWrapHandler) -> Any:
    facts = write(record)
    return {**facts.pop("unknown", {}), **facts}


T = TypeVar("T")

SERIALIZERS: list[Serializer[Any]] = []
"""All serializers; together, they cover all data that the app stores as JSON."""

_to_json = json.JSONEncoder(separators=(",", ":")).encode


class InvalidRecord(Exception):
    """The text isn't a valid record. The error message names fields but never their values."""


class Serializer(Generic[T]):
    """Writes and reads records of one type: a StoredRecord, or a collection of them.

    `key_fields` are the fields that are derived from the record's Redis key and aren't stored.
    Use `omit_defaults` only for records that are stored for at most a day: it saves memory, but
    their meaning changes if a later version changes a default. `omit_default_of` names fields
    that are left out while they have their default, which no later version may change.
    """

    def __init__(
        self,
        type_: type[T],
        *key_fields: str,
        omit_defaults: bool = False,
        omit_default_of: Iterable[str] = (),
    ) -> None:
        self.type, self.key_fields, self._omit_defaults = type_, set(key_fields), omit_defaults
        self.omit_default_of = frozenset(omit_default_of)
        SERIALIZERS.append(self)

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        """Created on first use: to create all of them takes a tenth of the start."""
        return TypeAdapter(self.type)

    @cached_property
    def _omitted(self) -> Mapping[str, Any]:
        """The JSON of the fields to leave out, so that unknown fields in a default are kept."""
        record: Any = self.type
        return {
            one.name: TypeAdapter(get_type_hints(record)[one.name]).dump_python(
                one.default_factory() if callable(one.default_factory) else one.default,
                mode="json",
            )
            for one in (fields(record) if self.omit_default_of else ())
            if one.name in self.omit_default_of
        }

    def write(self, record: T) -> str:
        facts = self._adapter.dump_python(
            record,
            mode="json",
            exclude=self.key_fields or None,
            exclude_defaults=self._omit_defaults,
        )
        for name, default in self._omitted.items():
            if facts[name] == default:
                del facts[name]
        return _to_json(facts)

    def read(self, text: str, **key_fields: Any) -> T:
        """Parse a record, adding the fields that aren't stored; raises InvalidRecord."""
        try:
            facts = json.loads(text)
            return self._adapter.validate_python({**facts, **key_fields} if key_fields else facts)
        except ValidationError as error:
            # pydantic's message quotes values, which may be secrets.
            places = {".".join(map(str, one["loc"][:2])) for one in error.errors()}
            raise InvalidRecord(f"invalid: {', '.join(sorted(places))}") from None
        except (ValueError, TypeError, RecursionError):
            raise InvalidRecord("not the JSON of a record") from None


def read_time(text: str) -> datetime:
    """Parse an ISO 8601 time; the result has a time zone. Raises ValueError if it is invalid."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def parse_time(text: str) -> datetime | None:
    """Parse an ISO 8601 time; None if it is invalid."""
    try:
        return read_time(text)
    except ValueError:
        return None
