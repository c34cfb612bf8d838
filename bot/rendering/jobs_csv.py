"""Jobs as CSV for spreadsheets, with formulas neutralized.

Cells that begin like a formula get an apostrophe in front, as OWASP advises under "CSV injection".
Excel splits cells at semicolons in some countries, and at line ends after it has misread the
quotes. Therefore text after one of these within a cell is treated the same way.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from bot.domain.jobs import Job
from bot.rendering.text import clean, shorten

MAX_CELL_LENGTH = 32_767  # Excel
BYTE_ORDER_MARK = "\ufeff"
"""Tells Excel that the file is UTF-8."""

COLUMNS = {
    "id": "id",
    "status": "status",
    "type": "type",
    "agent id": "agent_id",
    "agent name": "agent_name",
    "agent type": "agent_type",
    "session": "session_id",
    "event": "commerce_event",
    "created": "created_at",
    "modified": "modified_at",
    "message": "message",
    "response": "response",
}
"""Heading → field of a job."""

_AT_START = r"^(?=[\s\"]*[=+\-@＝＋－＠]|[\t\n])"
# A hyphen before a space starts a Markdown list item.
_WITHIN = r"(?<=[;\t\n])(?=(?:[^\S\n]|\")*(?:[=+@＝＋＠]|[-－](?![ -])))"
_FORMULA = re.compile(f"{_AT_START}|{_WITHIN}")


def csv_text(jobs: Iterable[Job]) -> str:
    """CSV with a row for each job; if one job has its agent's name, all rows of that agent do."""
    listed = tuple(jobs)
    names = {job.agent_id: job.agent_name for job in listed if job.agent_name}
    file = io.StringIO(newline="")
    file.write(BYTE_ORDER_MARK)
    rows = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for job in listed:
        cells = {name: getattr(job, name) for name in COLUMNS.values()}
        cells["agent_name"] = names.get(job.agent_id, "")
        rows.writerow(map(neutralize_formulas, cells.values()))
    return file.getvalue()


def neutralize_formulas(text: str) -> str:
    """`text` as a cell that no spreadsheet runs as a formula."""
    return shorten(_FORMULA.sub("'", clean(text)), MAX_CELL_LENGTH)
