"""Slack's mrkdwn on the page."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from sandbox.page.mrkdwn import link, mrkdwn, plain
from sandbox.slack.directory import ADA, GRACE
from tests.rendering.hostile import hostile_text
from tests.sandbox.page.page_html import NOW, reader, seen

TAGS = {"a", "b", "i", "s", "code", "pre", "blockquote", "span"}

DRAWN = {
    "bold": ("*a b* c", "<b>a b</b> c"),
    "italic": ("an _apple_", "an <i>apple</i>"),
    "strike": ("~gone~.", "<s>gone</s>."),
    "nested": ("*_a_ b*", "<b><i>a</i> b</b>"),
    "not within words": ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
    "code": ("`a *b* &lt;c&gt;`", "<code>a *b* &lt;c&gt;</code>"),
    "block of code": ("x\n```a\n  b```\ny", "x<pre>a\n  b</pre>y"),
    "quote": ("&gt; a\n&gt; b\nc", "<blockquote>a\nb</blockquote>c"),
    "lines": ("• a\n• b", "• a\n• b"),
    "escaped": ("&lt;b&gt; &amp;amp;", "&lt;b&gt; &amp;amp;"),
    "raw": ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
    "emoji": (":x: *Failed*", "❌ <b>Failed</b>"),
    "unknown emoji": (":nope_1:", ":nope_1:"),
    "channel": ("<#C0OPS>", '<span class="mention">#ops</span>'),
    "somebody else": ("<@U0GRACE>", '<span class="mention">@Grace Hopper</span>'),
    "me": ("<@U0ADA>", '<span class="mention mention-me">@Ada Lovelace</span>'),
    "my user group": (
        "<!subteam^S0OPS>",
        '<span class="mention mention-me">@ops-team</span>',
    ),
    "an unknown user group": ("<!subteam^S1>", '<span class="mention">@S1</span>'),
    "all": ("<!here>", '<span class="mention mention-me">@here</span>'),
    "bad link": ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
}


@pytest.mark.parametrize(("text", "html"), DRAWN.values(), ids=DRAWN)
def test_is_drawn(text: str, html: str) -> None:
    """The page renders mrkdwn as Slack does."""
    assert mrkdwn(text, reader()) == html


def test_a_link_opens_elsewhere() -> None:
    """A link opens in a new tab and sends no referrer."""
    (found,) = seen(mrkdwn("<https://e.example/?a=1&amp;b=2|here>", reader())).named("a")
    assert (found["href"], found["target"]) == ("https://e.example/?a=1&b=2", "_blank")
    assert found["rel"] == "noopener noreferrer"


def test_a_link_to_a_message_stays_on_the_page() -> None:
    """A link to a message of a channel shows it there instead of leaving the demo."""
    text = "<https://slack.com/archives/C0OPS/p1795430000000100|Show message>"
    (found,) = seen(mrkdwn(text, reader())).named("a")
    assert (found["href"], found["data-go"]) == ("/page/ada/ops", "ops")
    assert found["data-message"] == "1795430000.000100"


def test_only_the_web_and_mail_are_linked() -> None:
    """Only http, https and mailto become links, also for URLs given by the app."""
    assert link("javascript:alert(1)", "x") == "x"
    assert seen(link("mailto:a@e.example")).letters == "a@e.example"


def test_dates_are_those_of_the_reader() -> None:
    """A date is shown in the reader's time zone, with words for near days."""
    text = "<!date^1795500000^{date_short_pretty} {time}|2026-11-24 06:00 UTC>"
    assert mrkdwn(text, reader(ADA)) == "Today 7:00 AM"
    assert mrkdwn(text, reader(GRACE)) == "Today 1:00 AM"
    assert mrkdwn(text, reader(now=NOW + 86_400)) == "Yesterday 7:00 AM"
    assert mrkdwn(text, reader(now=NOW + 2 * 86_400)) == "Nov 24, 2026 7:00 AM"


@pytest.mark.parametrize("before", ["since", "Last updated", ","])
def test_a_day_after_other_words_is_not_capitalized(before: str) -> None:
    """Words before a date token within the format are shown unchanged, and no capital follows."""
    text = f"<!date^1795500000^{before} {{date_short_pretty}} {{time}}|2026-11-24 06:00 UTC>"
    assert mrkdwn(text, reader(ADA)) == f"{before} today 7:00 AM"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("{date_num}", "2026-11-24"),
        ("{date}", "November 24th, 2026"),
        ("{date_short}", "Nov 24, 2026"),
        ("{date_long}", "Tuesday, November 24th, 2026"),
        ("at {time_secs}", "at 7:00:00 AM"),
        ("{ago}", "1 hour ago"),
        ("{nonsense}", "{nonsense}"),
    ],
)
def test_dates_have_many_forms(form: str, words: str) -> None:
    """The date formats that Slack documents are rendered; unknown ones stay as they are."""
    assert mrkdwn(f"<!date^1795500000^{form}|x>", reader()) == words


def test_a_date_beyond_the_calendar_shows_its_fallback() -> None:
    """A date outside the calendar shows its fallback."""
    assert mrkdwn("<!date^999999999999^{date}|long ago>", reader()) == "long ago"


@settings(deadline=None)
@given(hostile_text)
def test_text_from_outside_never_becomes_markup(text: str) -> None:
    """Raw or escaped external text creates only Slack's own tags, and no other links."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for words in (text, escaped, f"*{text}*", f"<https://e.example/{text}|{text}>", f"<@{text}>"):
        page = seen(mrkdwn(words, reader()))
        assert {tag for tag, _ in page.tags} <= TAGS
        for found in page.named("a"):
            assert str(found["href"]).lower().startswith(("https://", "http://", "mailto:"))
            assert found.keys() == {"href", "target", "rel"}


@settings(deadline=None)
@given(hostile_text)
def test_plain_text_keeps_its_letters(text: str) -> None:
    """Plain text keeps every character and adds none."""
    cleaned = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    assert seen(plain(cleaned, emoji=False)).letters == cleaned
