"""A list as CSV: every job is there, whatever it says, and no spreadsheet runs any of it."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import Job
from bot.rendering.jobs_csv import (
    BYTE_ORDER_MARK,
    COLUMNS,
    MAX_CELL_LENGTH,
    csv_text,
    neutralize_formulas,
)
from tests.rendering.hostile import NOT_SENDABLE, hostile_text

FORMULAS = (
    '=HYPERLINK("https://evil.example","refund")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\x00=1+1",
    "\u202e=1+1",
    "＝1+1",
    '"=1+1',
)
_pieces = st.sampled_from([*FORMULAS, ";", ",", '"', "\r\n", "\t", "- ", " "])
texts = hostile_text | st.lists(_pieces, max_size=8).map("".join)


def rows(text: str, delimiter: str = ",") -> list[list[str]]:
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=delimiter))


def runs(cell: str) -> bool:
    """Whether a spreadsheet would take this for a formula."""
    return cell.lstrip()[:1] in tuple("=+@＝＋＠") or cell[:1] in ("-", "－", "\t", "\r")


def test_has_a_row_for_each_job() -> None:
    """The CSV has a header and a row for each job, in the order of the list."""
    job = Job(
        id="1",
        status="failure",
        type="AGENT_CHAT",
        agent_id="a",
        agent_name="Größe",
        agent_type="generic",
        session_id="s",
        commerce_event="order.created",
        message='He said "no",\nthen left; gone',
        response="ok",
        created_at="2026-11-20T10:30:27.167Z",
        modified_at="2026-11-20T10:31:14.509Z",
    )
    heading, first, second = rows(csv_text([job, Job(id="2")]))
    assert heading == list(COLUMNS)
    assert dict(zip(heading, first, strict=True)) == {
        name: getattr(job, field) for name, field in COLUMNS.items()
    }
    assert second == ["2", *[""] * 11]


def test_a_name_that_came_late_is_in_every_row() -> None:
    """Names are asked for beside the first page, which may be there before them."""
    named = [Job(id="1", agent_id="a"), Job(id="2", agent_id="a", agent_name="Agent A")]
    assert [row[4] for row in rows(csv_text(named))[1:]] == ["Agent A", "Agent A"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_a_formula(formula: str) -> None:
    """No cell is a formula, even behind white space or invisible characters."""
    for text in (formula, f"Total;{formula}", f"Total\n{formula}"):
        cells = rows(csv_text([Job(id=text, message=text)]))[1]
        assert not any(map(runs, cells))


@pytest.mark.parametrize("text", ["- one\n- two", "a;b", "5 - 3 = 2", "-- \nAda", "x\n---\ny"])
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    """Lists and rules of Markdown are no formulas; only at the very beginning they might be."""
    assert neutralize_formulas(text).removeprefix("'") == text


@given(texts)
def test_every_row_stays_a_row(said: str) -> None:
    """Whatever a job says: its row has all columns, nothing runs, and it can be sent."""
    text = csv_text([Job(id=said, status=said, message=said, agent_name=said)] * 2)
    table = rows(text)
    assert [len(row) for row in table] == [12] * 3
    assert not any(runs(cell) for row in table for cell in row)
    assert not NOT_SENDABLE.search(text.replace("\r\n", "\n"))
    assert text.encode()


@given(texts)
def test_nothing_runs_where_semicolons_part(text: str) -> None:
    """As Excel reads it in Germany, where a comma is part of a number."""
    for row in rows(csv_text([Job(id="1", message=f"x{text}", response=text)]), ";"):
        assert not any(cell.lstrip()[:1] in tuple("=+@＝＋＠") for cell in row)


def test_a_cell_holds_no_more_than_excel_takes() -> None:
    """A cell that is too long for Excel is shortened with an ellipsis."""
    cell = neutralize_formulas("=" * 100_000)
    assert (len(cell), cell[:2], cell[-1]) == (MAX_CELL_LENGTH, "'=", "…")


def test_five_thousand_long_jobs_take_a_second() -> None:
    """A file of the maximum size is written within a second."""
    jobs = [Job(id=str(number), message="word; " * 340) for number in range(5_000)]
    started = time.process_time()
    assert len(csv_text(jobs)) > 10_000_000
    assert time.process_time() - started < 3
