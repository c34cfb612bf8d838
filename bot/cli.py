"""The command line: `emporix-bot web`, `worker`, `doctor`, `manifest`, `keys`, `forget`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bot import __version__
from bot.errors import InvalidSettings, StoreUnavailable

if TYPE_CHECKING:  # slow to import
    from bot.settings import Settings
    from bot.store.erasure import Erasure, ErasureScan, ErasureSubject

MAX_TRACES_SHOWN = 100

EXAMPLE_ADDRESS = "https://emporix-jobs.example.com"
"""The address of the app in manifest.yml."""


async def forget_subject(
    settings: Settings,
    subject: ErasureSubject,
    tell: Callable[[str], object],
    confirm: Callable[[str], bool],
) -> int:
    """Show what would be deleted, ask for confirmation, delete it, and check the result.

    Returns the exit status: 1 if something is left or couldn't be checked, 2 if the encryption keys
    don't match this Redis.
    """
    from bot.resources import build_cipher
    from bot.store.connection import connect
    from bot.store.encryption import Canary
    from bot.store.erasure import Erasure

    cipher = build_cipher(settings)
    canary = Canary(cipher, create=False)
    redis = connect(settings.redis_url.get_secret_value(), canary)
    try:
        return await _erase(Erasure(redis, cipher), subject, tell, confirm)
    except StoreUnavailable as error:
        if canary.problem:
            tell(canary.problem)
            return 2
        tell(f"Redis doesn't answer ({error}). Run this again: deleted records stay deleted.")
        return 1
    finally:
        await redis.aclose()


async def _erase(
    erasure: Erasure,
    subject: ErasureSubject,
    tell: Callable[[str], object],
    confirm: Callable[[str], bool],
) -> int:
    from bot.store.audit import AuditBusy

    found = await erasure.find(subject)
    _show(found, tell)
    if found.traces and not confirm("Delete all of this? It can't be undone. [y/N] "):
        tell("Nothing was deleted.")
        return 1
    if not found.traces and not found.unreadable:
        tell(f"Nothing refers to {_named(subject)}: it has no data here, or the id is wrong.")
        return 0
    try:
        await erasure.erase(subject)
        left = await erasure.find(subject)
    except AuditBusy:
        tell("The audit log changed during each attempt. Run this again.")
        return 1
    tell(_result(subject, left))
    return 0 if not left.traces and not left.unreadable else 1


def _show(found: ErasureScan, tell: Callable[[str], object]) -> None:
    for trace in found.traces[:MAX_TRACES_SHOWN]:
        tell(f"{trace.action:<9}  {trace.key}  {trace.member}".rstrip())
    if (more := len(found.traces) - MAX_TRACES_SHOWN) > 0:
        tell(f"… and {more:,} more")
    if found.unreadable:
        tell(
            f"{found.unreadable:,} encrypted values can't be decrypted with ENCRYPTION_KEYS, so I "
            "can't tell whose they are. Add the missing key and run this again."
        )


def _named(subject: ErasureSubject) -> str:
    return f"user {subject.user_id}" if subject.user_id else f"workspace {subject.team_id}"


def _result(subject: ErasureSubject, left: ErasureScan) -> str:
    who = _named(subject)
    if left.traces:
        return f"{len(left.traces):,} traces of {who} were written in the meantime: run this again."
    if not subject.user_id:
        return f"Nothing refers to {who} anymore."
    return f"Nothing refers to {who} anymore; the audit log has a pseudonym instead of the id."


EXIT_INTERRUPTED = 130  # as shells report for a program ended by Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 for success, 2 for invalid settings.

    The first process of a container ignores signals without a handler, so until the command has
    its own, SIGTERM is handled like Ctrl-C.
    """
    # `web` and `worker` write a log; the other commands print their results, problems included.
    logging.getLogger("bot").addHandler(logging.NullHandler())
    try:
        if os.getpid() == 1:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        asked = _parser().parse_args(arguments)
        return int(asked.run(asked))
    except InvalidSettings as problems:
        print(problems, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the program that reads the output, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the exit flushes it
        return 1


def web() -> int:
    """Serve Slack until SIGTERM, then finish running work."""
    from bot.settings import WebSettings, load_settings

    settings = load_settings(WebSettings)
    from bot.web import serve  # slow to import, so check the settings first

    serve(settings)
    return 0


def worker() -> int:
    """Run scheduled tasks until SIGTERM, then finish running work."""
    from bot.settings import load_settings

    settings = load_settings()
    from bot.worker import run_worker

    return run_worker(settings)


def doctor(channel_id: str) -> int:
    """Check everything the app needs and print what to do; returns 1 if a check failed."""
    from bot.doctor import CheckResult, check_channel, run_checks
    from bot.settings import WebSettings, load_settings

    settings = load_settings(WebSettings)
    results: list[CheckResult] = []

    def report(result: CheckResult) -> None:
        _print(str(result))
        results.append(result)

    async def run() -> None:
        for result in await run_checks(settings):
            report(result)
        if channel_id:
            await check_channel(settings, channel_id, report)

    with suppress(ValueError):  # raised outside the main thread
        # A shell's background jobs ignore SIGINT, and SIGTERM would be ignored with it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        print("Stopped.")
        return EXIT_INTERRUPTED
    return 0 if all(result.ok or result.is_optional for result in results) else 1


def manifest(address: str) -> int:
    """Print the manifest of the Slack app for this address or, if it is empty, for Socket Mode."""
    _print(app_manifest(address).rstrip())
    return 0


def app_manifest(address: str) -> str:
    """manifest.yml of the installed package, or of the project, for `manifest`."""
    installed = Path(__file__).with_name("manifest.yml")
    path = installed if installed.is_file() else installed.parents[1] / installed.name
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("#"))
    if address:
        return text.replace(EXAMPLE_ADDRESS, address)
    kept = (line for line in text.splitlines(keepends=True) if EXAMPLE_ADDRESS not in line)
    return "".join(kept).replace("socket_mode_enabled: false", "socket_mode_enabled: true")


def keys_new() -> int:
    """Print a new encryption key."""
    from bot.store.encryption import new_key

    print(new_key())
    return 0


def keys_rotate() -> int:
    """Re-encrypt all secrets with the first key; returns 1 if some secrets are left."""
    from bot.key_rotation import rotate
    from bot.settings import load_settings

    try:
        return asyncio.run(rotate(load_settings(), _print))
    except KeyboardInterrupt:
        print("Stopped. Run this again to continue.")
        return EXIT_INTERRUPTED


def forget(team: str, user: str, *, yes: bool) -> int:
    """Delete a workspace's or a user's data from Redis; asks first unless `yes`."""
    from bot.settings import load_settings
    from bot.store.erasure import ErasureSubject

    def confirm(question: str) -> bool:
        try:
            return yes or input(question).strip().lower() in ("y", "yes")
        except EOFError:  # there is no terminal to answer from
            return False

    try:
        return asyncio.run(
            forget_subject(load_settings(), ErasureSubject(team, user), _print, confirm)
        )
    except KeyboardInterrupt:
        print("Stopped. Run this again: deleted records stay deleted.")
        return EXIT_INTERRUPTED


def _slack_id(kinds: str) -> Callable[[str], str]:
    """Return a check for Slack ids, which runs before anything is deleted."""

    def check(text: str) -> str:
        if not re.fullmatch(f"[{kinds}][A-Z0-9]{{2,}}", text):
            raise argparse.ArgumentTypeError(f"{text!r} isn't a Slack id such as {kinds[0]}012AB3C")
        return text

    return check


def _https_address(text: str) -> str:
    """Check the app's address for the manifest, and remove the path of Slack's requests."""
    if not re.fullmatch(r"https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d+)?(/[\w.~/-]*)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} isn't an address such as https://example.com")
    return text.rstrip("/").removesuffix("/slack/events")


def _print(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emporix-bot", description="Emporix Jobs for Slack")
    parser.add_argument("--version", action="version", version=f"emporix-bot {__version__}")
    commands = parser.add_subparsers(
        required=True, metavar="web | worker | doctor | manifest | forget | keys"
    )
    _add(commands, "web", web, "serve Slack over HTTP, in Socket Mode, or both")
    _add(commands, "worker", worker, "run scheduled tasks: digests, alerts, watches, clean-ups")
    words = "check settings, Redis, Slack, Emporix, accounts and workers"
    checked = commands.add_parser("doctor", help=words, description=words)
    words = (
        "id of a channel: also test what the app needs there, with a message that is then deleted"
    )
    checked.add_argument("--channel", type=_slack_id("CG"), help=words)
    checked.set_defaults(run=lambda asked: doctor(asked.channel or ""))
    words = "print the manifest for 'Create an app from a manifest' in Slack"
    manifests = commands.add_parser("manifest", help=words, description=words)
    mode = manifests.add_mutually_exclusive_group(required=True)
    mode.add_argument(
        "--url", type=_https_address, help="address of the app, for requests over HTTP"
    )
    mode.add_argument("--socket", action="store_true", help="for Socket Mode, without an address")
    manifests.set_defaults(run=lambda asked: manifest(asked.url or ""))
    words = "delete the data of a workspace, or of one of its users, from Redis"
    forgotten = commands.add_parser("forget", help=words, description=words)
    forgotten.add_argument("--team", required=True, type=_slack_id("T"), help="id of the workspace")
    forgotten.add_argument("--user", type=_slack_id("UW"), help="id of the user")
    forgotten.add_argument("--yes", action="store_true", help="delete without asking first")
    forgotten.set_defaults(run=lambda asked: forget(asked.team, asked.user or "", yes=asked.yes))
    keys = commands.add_parser("keys", help="encryption keys")
    kinds = keys.add_subparsers(required=True, metavar="new | rotate")
    _add(kinds, "new", keys_new, "print a new key")
    _add(kinds, "rotate", keys_rotate, "encrypt all secrets in Redis with the first key")
    return parser


def _add(
    commands: argparse._SubParsersAction,  # type: ignore[type-arg]
    name: str,
    run: Callable[[], int],
    words: str,
) -> None:
    parser = commands.add_parser(name, help=words, description=words)
    parser.set_defaults(run=lambda asked: run())
