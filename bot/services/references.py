"""Job ids, links and agents that a text mentions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from bot.errors import InvalidInput

MAX_JOB_ID_LENGTH = 200  # an id has 24 characters; the contract says only "string"
_IN_LINK = re.compile(r"/logs/jobs/([^/?#\s|>]+)")


def parse_job_id(text: str) -> str:
    """The id that was meant; raises InvalidInput where there is none, or more than one."""
    words = text.strip().strip("<>").strip("`\"'“”‘’ ")
    linked = _IN_LINK.search(words)
    found = unquote(linked[1]) if linked else words
    if not found.strip():
        raise InvalidInput("The job's id is missing", advice="Type it behind the command.")
    if (
        len(found) > MAX_JOB_ID_LENGTH
        or found in {".", ".."}
        or (not linked and len(found.split()) > 1)
    ):
        raise InvalidInput(
            "That is not a job id",
            found[:MAX_JOB_ID_LENGTH],
            advice="Give one id, like 68835cc3ef4e8e1425c360ad, or a link to a job.",
        )
    return found


MIN_AGENT_NAME_LENGTH = 3
MAX_SEARCH_WORDS = 12
MAX_SEARCH_LENGTH = 200

_JOB = re.compile(r"(?<![\w-])[0-9a-fA-F]{24}(?![\w-])", re.ASCII)
_SESSION = re.compile(r"(?<![\w-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])")
_ID_IN_LINK = r"[^\s<>|\"]{0,200}?/logs/jobs/([^/?#&\s<>|\"']{1,600})"
_NO_WORD = re.compile(r"<[^<>]{0,500}>|https?://\S+|:[a-z0-9_+-]{1,50}:")
_WORD = re.compile(r"[^\W_]{3,40}(?:[-.][^\W_]{1,40}){0,3}")


@dataclass(frozen=True, slots=True)
class References:
    """Ids in the order in which they stand there, each once; `words` are what else is said."""

    jobs: tuple[str, ...]
    sessions: tuple[str, ...]
    words: str


def find_references(texts: Iterable[str], dashboard_url: str) -> References:
    """What may name jobs in `texts`; links count where they lead to `dashboard_url`."""
    said = list(texts)
    link = re.compile(re.escape(dashboard_url) + _ID_IN_LINK)
    jobs: dict[str, None] = {}
    sessions: dict[str, None] = {}
    for text in said:
        jobs.update(dict.fromkeys(filter(_can_be_id, map(unquote, link.findall(text)))))
        jobs.update(dict.fromkeys(_JOB.findall(text)))
        sessions.update(dict.fromkeys(_SESSION.findall(text)))
    return References(tuple(jobs), tuple(sessions), _search_words(said))


def mentioned_agents(texts: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """The ids of the agents whose name or id stands in `texts` as a whole, in any case."""
    said = normalize("\n".join(texts))
    return tuple(
        id_
        for id_, name in names.items()
        if any(_is_mentioned(said, normalize(word)) for word in (id_, name))
    )


def _is_mentioned(said: str, word: str) -> bool:
    if len(word) < MIN_AGENT_NAME_LENGTH or word not in said:
        return False
    return bool(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", said))


def _search_words(said: list[str]) -> str:
    """The first words of the first text that has any; they are there to be edited."""
    for text in said:
        found = dict.fromkeys(_WORD.findall(_NO_WORD.sub(" ", text[:5000])))
        words = " ".join(list(found)[:MAX_SEARCH_WORDS])
        if len(words) > MAX_SEARCH_LENGTH:
            words = words[:MAX_SEARCH_LENGTH].rpartition(" ")[0]
        if words:
            return words
    return ""


def _can_be_id(text: str) -> bool:
    """Whether Emporix could be asked for it: what is part of a path."""
    return 0 < len(text) <= MAX_JOB_ID_LENGTH and text.isprintable() and text.strip(". ") != ""


def normalize(text: str) -> str:
    """Lower case, with single spaces: for comparisons of names."""
    return " ".join(text.casefold().split())
