"""The filters write Slack's mark-up that outside values cannot get out of."""

from __future__ import annotations

import json
import re
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rendering.jinja_filters import (
    bold,
    byte_size,
    change,
    clock_time,
    code,
    code_words,
    date_and_time,
    date_range,
    date_token,
    day_and_month,
    duration,
    duration_between,
    export_words,
    link,
    percent,
    period,
    period_before,
    plural,
    since_words,
    time_of_day,
    unformatted,
    weekdays,
)
from tests.rendering.hostile import hostile_text, mrkdwn, value

quick = settings(max_examples=100)

DATE = "<!date^1764000000^{date_short_pretty} {time}|2025-11-24 16:00 UTC>"


@pytest.mark.parametrize(
    "moment",
    [
        1764000000,
        1764000000.9,
        "2025-11-24T16:00:00Z",
        "2025-11-24T16:00:00.167Z",
        "2025-11-24T17:00:00+01:00",
        " 2025-11-24T16:00 ",
    ],
)
def test_a_time_is_shown_in_the_readers_zone(moment: float | str) -> None:
    """Seconds since 1970 and ISO 8601, with or without a zone, become Slack's date."""
    assert date_token(moment) == DATE
    assert mrkdwn("{{ when|date }}", when=moment) == DATE


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (None, ""),
        ("", ""),
        ("soon <!here>", "soon &lt;!here&gt;"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"),
        (-1, "-1"),
        (1764000000000, "1764000000000"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (10**400, str(10**400)),
    ],
)
def test_an_invalid_time_is_shown_as_escaped_text(moment: float | str | None, shown: str) -> None:
    """A value that is not a time is shown as escaped text."""
    assert date_token(moment) == shown


def test_a_link_has_words() -> None:
    """A web address becomes a link, its ampersands as Slack wants them."""
    url = "https://a.example/jobs?x=1&y=%20#z"
    assert link(url, "Open & see") == "<https://a.example/jobs?x=1&amp;y=%20#z|Open &amp; see>"


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "https://", "https:///x", "ftp://x", "#C1", "!here"]
)
def test_only_web_addresses_are_linked(url: str | None) -> None:
    """Without an http or https address only the words are shown."""
    assert link(url, "Open") == "Open"


@quick
@given(hostile_text, hostile_text)
def test_nothing_gets_out_of_a_link(tail: str, words: str) -> None:
    """Whatever the address and the words are, there is one link and it goes where it should."""
    shown = link("https://a.example/" + tail[:2000], words)
    assert re.fullmatch(r"<https://a\.example/[^\s<>|\x00-\x20]*(\|[^<>\n]+)?>", shown)


def test_an_address_is_whole_or_not_there() -> None:
    """An address longer than Slack takes is not cut into another one."""
    assert link("https://a.example/" + "x" * 2982, "Open").startswith("<https://a.example/xxx")
    assert link("https://a.example/" + "x" * 2983, "Open") == "Open"


@quick
@given(hostile_text)
def test_nothing_gets_out_of_code(words: str) -> None:
    """Inline code holds no back-tick, no line end and no mark-up."""
    assert re.fullmatch(r"(`[^`<>\n]+`)?", code(words))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a`b", "`aˋb`"),
        (" a\nb ", "`a b`"),
        ("", ""),
        (None, ""),
        (7, "`7`"),
        ("<@U1>", "`&lt;@U1&gt;`"),
    ],
)
def test_code(words: str | int | None, shown: str) -> None:
    """Code is one escaped line, and nothing where there is nothing."""
    assert code(words) == shown


@given(st.integers(-(10**9), 10**9))
def test_counted_words(count: int) -> None:
    """One is one; anything else is many, with its thousands parted."""
    expected = "1 reply" if count == 1 else f"{count:,} replies"
    assert plural(count, "reply", "replies") == expected


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("{{ id|user }}", "<@U0ADA>"),
        ("{{ id|channel }}", "`U0ADA`"),
        ("{{ ('C' ~ id)|channel }}", "<#CU0ADA>"),
        ("{{ (id ~ '|x')|user }}", "`U0ADA|x`"),
        ("{{ (id ~ '>')|user }}", "`U0ADA&gt;`"),
        ("{{ ''|user }}", ""),
        ("{{ id|user_group }}", "`U0ADA`"),
        ("{{ ('S' ~ id)|user_group }}", "<!subteam^SU0ADA>"),
        ("{{ ('S' ~ id ~ '|x')|user_group }}", "`SU0ADA|x`"),
        ("{{ 'here'|user_group }}", "`here`"),
    ],
)
def test_only_ids_of_slack_are_mentions(words: str, shown: str) -> None:
    """A text that is not the id of a user, a user group or a channel is shown as text."""
    assert mrkdwn(words, id="U0ADA") == shown


def test_plain_filters_give_plain_words() -> None:
    """`shorten`, `one_line` and `plural` are values like any others."""
    assert value("text|shorten(9)", text="the late refund") == "the late…"
    assert value("text|one_line", text="a\n b\x00") == "a b"
    assert value("n|plural('job')", n=1204) == "1,204 jobs"
    assert value("none|shorten(9)") == value("none|one_line") == ""
    assert mrkdwn("{{ text|shorten(12) }}", text="<!here> you all") == "&lt;!here&gt; you…"


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((0, 1, 2, 3, 4, 5, 6), "every day"),
        ((0, 1, 2, 3, 4), "Monday to Friday"),
        ((0,), "Monday"),
        ((5, 6), "Saturday and Sunday"),
        ((0, 2, 4), "Monday, Wednesday and Friday"),
        ((), "on no day"),
    ],
)
def test_days_are_abbreviated(days: tuple[int, ...], words: str) -> None:
    """Days of the week are grouped in the way that people say them."""
    assert weekdays(days) == words


def test_times_have_two_digits() -> None:
    """Hours and minutes have two digits."""
    assert [time_of_day(minute) for minute in (0, 540, 1439)] == ["00:00", "09:00", "23:59"]


NINE = 1_795_507_200.0  # Tuesday, 2026-11-24, 9:00 in Berlin


@pytest.mark.parametrize(
    ("days", "shown", "since", "before"),
    [
        (0.1, "Tue 6:36 – 9:00", "6:36", "the 2 h 24 min before"),
        (1, "Mon 9:00 – Tue 9:00", "yesterday", "the day before"),
        (3, "Sat 9:00 – Tue 9:00", "Saturday", "the 3 days before"),
        (7, "Nov 17 9:00 – Nov 24 9:00", "Nov 17", "the 7 days before"),
        (40, "Oct 15 10:00 – Nov 24 9:00", "Oct 15", "the 40 days before"),
    ],
)
def test_a_period_is_shown_in_its_time_zone(
    days: float, shown: str, since: str, before: str
) -> None:
    """Periods shorter than a week are shown with weekdays, longer ones with dates."""
    begun = NINE - days * 86_400
    assert period(begun, NINE, "Europe/Berlin") == shown
    assert since_words(begun, NINE, "Europe/Berlin") == since
    assert period_before(begun, NINE) == before


def test_changes_and_shares_are_short() -> None:
    """An unchanged number has no suffix, and a small share is not rounded to zero."""
    assert [change(count) for count in (6, -1_005, 0)] == [" (+6)", " (−1,005)", ""]
    assert [percent(share) for share in (17.06, 0.4, 0, 100)] == [
        "17 %",
        "under 1 %",
        "0 %",
        "100 %",
    ]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Tool call get_invoice timed out", "Tool call get_invoice timed out"),
        ("2*3*4 a~b~c", "2*3*4 a~b~c"),
        ("*Fraud* check", "`*Fraud* check`"),
        ("the _second_ try", "`the _second_ try`"),
        ("a :bomb: b", "`a :bomb: b`"),
        ("a <b>", "a &lt;b&gt;"),
    ],
)
def test_marks_within_a_word_are_letters(words: str, shown: str) -> None:
    """Only text that Slack would format is shown as code; marks within a word are letters."""
    assert unformatted(words, 100) == shown


NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400)])


@given(NUMBERS, NUMBERS)
def test_each_number_has_words(one: float, other: float) -> None:
    """Infinite, huge and undefined numbers cause no error."""
    between = (duration_between(one, other), period_before(one, other))
    for shown in (duration(one), percent(one), date_token(one), *between):
        assert shown


def test_a_date_range_is_short() -> None:
    """A date range has no year, and names a month only once if it doesn't change."""
    assert day_and_month("2026-11-09") == "9 November"
    assert date_range("2026-11-10", "2026-11-23") == "10 to 23 November"
    assert date_range("2026-12-25", "2027-01-07") == "25 December to 7 January"
    assert date_range("2025-11-10", "2026-11-23") == "10 to 23 November"


@given(st.text(), st.text())
def test_an_invalid_date_is_shortened(one: str, other: str) -> None:
    """A value that is not a date is shortened to one line."""
    for words in (day_and_month(one), date_range(one, other)):
        assert len(words) <= 50
        assert "\n" not in words


@pytest.mark.parametrize(
    ("zone", "time", "whole"),
    [
        ("Europe/Berlin", "5:00 PM", "Nov 24, 5:00 PM CET"),
        ("America/New_York", "11:00 AM", "Nov 24, 11:00 AM EST"),
        ("Asia/Dubai", "8:00 PM", "Nov 24, 8:00 PM UTC+04"),
        ("", "4:00 PM UTC", "Nov 24, 4:00 PM UTC"),
        ("No/Zone", "4:00 PM UTC", "Nov 24, 4:00 PM UTC"),
        ("../etc", "4:00 PM UTC", "Nov 24, 4:00 PM UTC"),
    ],
)
def test_stored_times_name_their_zone(zone: str, time: str, whole: str) -> None:
    """Without date tokens, a time is in the user's zone, or in UTC and says so."""
    assert clock_time(1764000000, zone) == time
    assert date_and_time("2025-11-24T16:00:00Z", zone) == whole


@quick
@given(words=hostile_text, zone=hostile_text)
def test_a_stored_time_is_never_an_error(words: str, zone: str) -> None:
    """A stored value that is not a time is shown unchanged, but shortened."""
    assert len(clock_time(words, zone)) <= 20
    assert len(date_and_time(words, zone)) <= 30


def test_a_word_before_a_date_is_in_its_token() -> None:
    """Otherwise Slack writes a capital letter in the middle of a sentence: "since Yesterday"."""
    token = "<!date^1764000000^since {date_short_pretty} {time}|since 2025-11-24 16:00 UTC>"
    assert date_token(1764000000, "since") == token
    assert date_token("soon", "since") == "since soon"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Complaint Agent", "*Complaint Agent*"),
        ("R&D <beta>", "*R&amp;D &lt;beta&gt;*"),
        ("a_b", "*a_b*"),
        ("_b_", "`_b_`"),
        ("*a*", "`*a*`"),
        ("~a~", "`~a~`"),
        ("a`b", "`a\u02cbb`"),
        (":x: ok", "`:x: ok`"),
        ("at 9:30", "*at 9:30*"),
        (" two\nlines ", "*two lines*"),
        ("", ""),
        ("x" * 20, f"*{'x' * 9}…*"),
    ],
)
def test_names_are_bold_or_code(name: str, shown: str) -> None:
    """Inline code if a character would format the name, because mrkdwn cannot escape it."""
    limit = 10 if len(name) == 20 else 80
    assert bold(name, limit) == shown
    assert unformatted(name, limit) == (shown.strip("*") if shown.startswith("*") else shown)


@quick
@given(words=hostile_text)
def test_nothing_gets_out_of_bold(words: str) -> None:
    """No mention and no link, whatever a name contains."""
    for shown in (bold(words, 80), unformatted(words, 80)):
        assert "<" not in shown
        assert ">" not in shown


@pytest.mark.parametrize(
    ("code_", "words"),
    [("PRICE_WATCH", "price watch"), ("generic", "generic"), ("a b", "a b"), ("", "")],
)
def test_codes_in_words(code_: str, words: str) -> None:
    """Only what looks like a code is changed."""
    assert code_words(code_) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (168, "168 B"), (1_200, "1.2 kB"), (18_250, "18 kB"), (3_400_000, "3.4 MB")],
)
def test_sizes_in_bytes(count: int, words: str) -> None:
    """Sizes have at most one decimal."""
    assert byte_size(count) == words


def test_an_export_in_words() -> None:
    """The number of agents and the size; only the size of what is large or unreadable."""

    def exported(value: object) -> str:
        return export_words(b64encode(json.dumps(value).encode()).decode())

    assert exported({"agents": [{}, {}, {}]}) == "3 agents, 24 B"
    assert exported({"agents": {}}) == "14 B"
    assert exported([1]) == "3 B"
    assert export_words("not base64!") == "8 B"
    assert export_words("x" * 100_000) == "75 kB"
    assert export_words(b64encode(b"[" * 20_000).decode()) == "20 kB"
