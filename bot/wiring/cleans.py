"""The services of clean-ups."""

from __future__ import annotations

from collections.abc import Callable

from bot.emporix.client import EmporixClient
from bot.services.agents import AgentNames
from bot.services.cleans.cleaning import Cleaning
from bot.services.cleans.counting import Counting
from bot.services.cleans.running import CleanRuns
from bot.services.naming import NamedJobs
from bot.store.accounts import AccountStore
from bot.store.alive import Alive
from bot.store.audit import AuditLog
from bot.store.clean_results import CleanResults
from bot.store.cleans import CleanStore
from bot.store.connection import Commands
from bot.store.locks import new_holder
from bot.store.vault import Vault


def cleans(
    redis: Commands,
    keys: Vault,
    stored: AccountStore,
    emporix: EmporixClient,
    names: AgentNames,
    audit: AuditLog,
    clock: Callable[[], float],
    new_id: Callable[[], str],
    *,
    allowed: bool,
) -> dict[str, object]:
    """By name: what counts and begins them, and what runs them."""
    kept, results = CleanStore(redis, keys), CleanResults(redis)
    counting = Counting(NamedJobs(emporix, names))
    return {
        "cleanup_store": kept,
        "cleaning": Cleaning(
            counting,
            stored,
            kept,
            results,
            Alive(redis),
            clock=clock,
            new_clean_id=new_id,
            allowed=allowed,
        ),
        "clean_runs": CleanRuns(
            emporix,
            stored,
            kept,
            results,
            audit,
            clock=clock,
            new_owner=new_holder,
            allowed=allowed,
        ),
    }
