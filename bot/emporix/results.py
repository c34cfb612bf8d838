"""What an import or an export job brought about."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.emporix.payloads import fields, items, text

IMPORTED_KINDS = {"agents": "agent", "tools": "tool", "mcpServers": "mcp server"}


@dataclass(frozen=True, slots=True)
class ImportedEntity:
    """One thing that an import touched; `kind` is "agent", "tool" or "mcp server".

    `state` as Emporix spells it (`ENABLED`, `FAILED`, …); `details` says why, in words or codes.
    """

    kind: str
    id: str = ""
    name: str = ""
    state: str = ""
    details: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, kind: str, value: object) -> ImportedEntity:
        entity = fields(value)
        details = (_reason(detail) for detail in items(entity.get("details")))
        return cls(
            kind=kind,
            id=text(entity.get("id")),
            name=text(entity.get("name")),
            state=text(entity.get("state")).upper(),
            details=tuple(detail for detail in details if detail),
        )


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did; a job that succeeded can still hold entities that failed."""

    message: str = ""
    entities: tuple[ImportedEntity, ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, object]) -> ImportResult:
        summary = fields(value.get("summary"))
        entities = tuple(
            ImportedEntity.from_json(kind, entity)
            for name, kind in IMPORTED_KINDS.items()
            for entity in items(summary.get(name))
        )
        return cls(text(value.get("message")), entities)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Exported agents: `data` is base64 of JSON; the algorithm of `checksum` is not documented."""

    data: str = field(default="", repr=False)
    checksum: str = ""

    @classmethod
    def from_json(cls, value: dict[str, object]) -> ExportResult:
        return cls(text(value.get("data")), text(value.get("checksum")))


def _reason(detail: object) -> str:
    if isinstance(detail, dict):
        return text(detail.get("message")) or text(detail.get("code"))
    return text(detail)
