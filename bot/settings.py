"""The app's settings, typed and validated; all problems are reported at once."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import InvalidSettings
from bot.http_session import invalid_proxies
from bot.store.connection import check_address
from bot.store.encryption import parse_keys

DOTENV = ".env"
QUOTES = "\"'`\u2018\u2019\u201c\u201d"

_BOT_TOKEN = re.compile(r"xoxb-[\w-]+", re.ASCII)
_APP_TOKEN = re.compile(r"xapp-[\w-]+", re.ASCII)
_SENTRY_DSN = re.compile(r"https?://[0-9a-z]+@[A-Za-z0-9.:-]+/(?:[\w.-]+/)*[0-9]+", re.ASCII)
_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)


class Settings(BaseSettings):
    """Read from the environment, then from `.env`. The descriptions document each setting."""

    model_config = SettingsConfigDict(
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    slack_bot_token: SecretStr = Field(
        description="Bot token of the installed app: Slack app settings, OAuth & Permissions",
        examples=["xoxb-…"],
    )
    slack_app_token: SecretStr | None = Field(
        None,
        description=(
            "App-level token with the scope connections:write, for Socket Mode: requests arrive "
            "over a WebSocket, without a public address"
        ),
        examples=["xapp-…"],
    )
    slack_signing_secret: SecretStr | None = Field(
        None,
        description=(
            "Verifies that requests come from Slack: Slack app settings, Basic Information; during "
            "a replacement, the new and the old one, separated by a comma. Optional with an "
            "app-level token"
        ),
        examples=["8f742231b10e8888abcd99yyyzzz85a5"],
    )
    slack_api_url: str = Field("https://slack.com/api/", description="Base URL of Slack's Web API")
    emporix_api_url: str = Field(
        "https://api.emporix.io", description="Base URL of the Emporix API"
    )
    emporix_dashboard_url: str = Field(
        "https://admin.emporix.io",
        description="Base URL of the Management Dashboard, for links to jobs",
    )
    redis_url: SecretStr = Field(
        description=(
            "redis://, rediss:// or unix:// URL, or "
            "redis+sentinel://[user:password@]host:26379,host:26379/service[/db]"
        ),
        examples=["redis://localhost:6379/0"],
    )
    encryption_keys: SecretStr = Field(
        description=(
            "Encryption keys, separated by commas: the first encrypts, all decrypt; "
            "`emporix-bot keys new` prints a new one"
        ),
        examples=["k1…"],
    )
    allow_shared_channels: bool = Field(
        False,
        description=(
            "true: people can share jobs in Slack Connect channels, where other organizations "
            "read them"
        ),
    )
    deletes: Literal["off", "single", "all"] = Field(
        "all",
        description=(
            "off: no one can delete jobs; single: single and selected jobs, but no clean-ups; "
            "all: clean-ups too"
        ),
    )
    agent_actions: Literal["off", "on"] = Field(
        "on",
        description=(
            "off: no one can run jobs again or pause agents; on: users can, if they allowed it "
            "when they connected their API key"
        ),
    )
    slack_messages_per_minute: int = Field(
        400,
        ge=1,
        le=6000,
        description=(
            "Limit for scheduled messages per minute, across all workers; Slack allows several "
            "hundred per workspace"
        ),
    )
    slack_channel_reads_per_minute: int = Field(
        50,
        ge=5,
        le=6000,
        description=(
            "Limit for checks of who can read a channel before scheduled posts, per minute, "
            "across all workers; Slack allows about 50 per workspace"
        ),
    )
    host: str = Field(
        "0.0.0.0",  # noqa: S104 - the platform's router connects from outside the machine
        description=(
            "IP address that the web process listens on: 127.0.0.1 behind a proxy on the same "
            "machine, :: for IPv6 as well as IPv4"
        ),
    )
    audit_days: int = Field(
        365, ge=1, le=3650, description="Number of days that the audit log keeps its entries"
    )
    port: int = Field(3000, ge=0, le=65535, description="Port that the web process listens on")
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description=(
            "Port for metrics and health checks of this process: /metrics, /livez and /readyz; "
            "each process on a machine needs its own"
        ),
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="text for people, json (one line per event) for machines"
    )
    log_audit: bool = Field(
        False,
        description=(
            "true: also writes each entry of the audit log to standard output, as a line of JSON"
        ),
    )

    sentry_dsn: SecretStr | None = Field(
        None,
        description="DSN of a Sentry project that gets the errors of the app, without their data",
        examples=["https://…@sentry.example.com/1"],
    )

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """The signing secret, or the new and the old one during a replacement; () without one."""
        secret = self.slack_signing_secret
        return _separated(secret.get_secret_value()) if secret else ()

    def warnings(self) -> list[str]:
        """Describe settings that work but are risky."""
        if _is_in_plain_text(self.redis_url.get_secret_value()):
            return ["REDIS_URL uses an unencrypted connection to a public address: use rediss://"]
        return []

    @field_validator("*", mode="before")
    @classmethod
    def _is_clean(cls, value: object) -> object:
        """Remove surrounding white space, a common copying mistake, and reject invalid text."""
        if not isinstance(value, str):
            return value
        value = value.strip()
        if not value:
            raise ValueError("is empty")
        if value[0] in QUOTES or value[-1] in QUOTES:
            raise ValueError("has quotes around it: remove them")
        if any(unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"} for letter in value):
            raise ValueError("contains an invisible character or a line break: type it again")
        return value

    @field_validator("slack_bot_token")
    @classmethod
    def _is_bot_token(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value()
        if _SIGNING_SECRET.fullmatch(token):
            raise ValueError("looks like the signing secret: did you swap the two?")
        if not _BOT_TOKEN.fullmatch(token):
            raise ValueError("must be a bot token: it begins with xoxb-, and has no spaces")
        return value

    @field_validator("slack_app_token")
    @classmethod
    def _is_app_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _APP_TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("must be an app-level token: it begins with xapp-, and has no spaces")
        return value

    @field_validator("slack_signing_secret")
    @classmethod
    def _are_signing_secrets(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        secrets = _separated(value.get_secret_value())
        if any(secret.startswith("xapp-") for secret in secrets):
            raise ValueError("looks like an app-level token: set SLACK_APP_TOKEN to it")
        if any(secret.startswith("xox") for secret in secrets):
            raise ValueError("looks like a token: did you swap it with SLACK_BOT_TOKEN?")
        if not all(_SIGNING_SECRET.fullmatch(secret) for secret in secrets):
            raise ValueError("must have 32 digits from 0 to 9 and a to f")
        if len(secrets) > 2:
            raise ValueError("may contain two secrets at most: the new and the old one")
        return value

    @field_validator("slack_api_url", "emporix_api_url", "emporix_dashboard_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        """Require HTTPS, because API keys and tokens are sent there."""
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("is not a URL such as https://api.example.com") from None
        if parts.scheme not in {"https", "http"} or not host:
            raise ValueError("must begin with https:// and a host")
        if parts.scheme == "http" and not _is_loopback(host):
            raise ValueError("must begin with https:// (http:// only for this machine)")
        if not _is_host(value):
            raise ValueError("must contain a valid host name, such as api.example.com")
        if parts.username is not None or parts.query or parts.fragment or " " in value:
            raise ValueError("must not contain a login, a query, a fragment or spaces")
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _is_redis_address(cls, value: SecretStr) -> SecretStr:
        check_address(value.get_secret_value())
        return value

    @field_validator("host")
    @classmethod
    def _is_ip_address(cls, value: str) -> str:
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            raise ValueError("must be an IP address: 0.0.0.0, 127.0.0.1, ::") from None

    @field_validator("sentry_dsn")
    @classmethod
    def _is_sentry_dsn(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        if not _SENTRY_DSN.fullmatch(value.get_secret_value()):
            raise ValueError("must look like https://<key>@<host>/<project number>")
        if not find_spec("sentry_sdk"):
            raise ValueError("needs the extra `sentry`: pip install '.[sentry]'")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        parse_keys(value.get_secret_value())
        return value

    @field_validator("log_level", "log_format", "deletes", "agent_actions", mode="before")
    @classmethod
    def _in_any_case(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        return value.upper() if info.field_name == "log_level" else value.lower()


class WebSettings(Settings):
    """The settings of the web process: it also needs a way to receive requests."""

    @field_validator("slack_signing_secret")
    @classmethod
    def _has_transport(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        # An invalid app token isn't in `data`, and is a problem of its own.
        if value is None and info.data.get("slack_app_token", "") is None:
            raise ValueError("is missing: set it, or SLACK_APP_TOKEN for Socket Mode")
        return value


def load_settings(kind: type[Settings] = Settings) -> Settings:
    """Load the settings of this process; raises InvalidSettings with all problems."""
    _check_dotenv(Path(DOTENV))
    if wrong := invalid_proxies():
        raise InvalidSettings(dict.fromkeys(wrong, "is not a URL such as http://proxy:8080"))
    try:
        return kind()
    except ValidationError as error:
        raise InvalidSettings(_problems(error)) from None


def _check_dotenv(path: Path) -> None:
    """Check the encoding: some editors and shells don't save text as UTF-8."""
    try:
        text = path.read_bytes().decode("utf-8-sig") if path.is_file() else ""
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        raise InvalidSettings({DOTENV: f"can't be read: {error.strerror}"}) from None
    if "\0" in text:
        raise InvalidSettings({DOTENV: "is not UTF-8 text: save it again as UTF-8"})


def _problems(error: ValidationError) -> Mapping[str, str]:
    return {
        str(problem["loc"][0]).upper(): (
            "is missing"
            if problem["type"] == "missing"
            else problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        )
        for problem in error.errors(include_input=False, include_url=False)
    }


def _separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _is_host(address: str) -> bool:
    """Whether the URL's host is an IP address or a valid DNS name.

    A DNS label has 1 to 63 characters, a name at most 253 (RFC 1035, 2.3.4). With a host that can't
    be encoded, every call would fail with an error that has nothing to do with the network.
    """
    try:
        host = httpx.URL(address).raw_host.decode()
    except httpx.InvalidURL:
        return False
    return ":" in host or bool(_HOST.fullmatch(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_in_plain_text(redis_url: str) -> bool:
    """Whether the connection is unencrypted and leaves the private network.

    A host name without a dot is assumed to be a container's.
    """
    parts = urlsplit(redis_url)
    if not parts.scheme.startswith("redis") or parts.scheme.startswith("rediss"):
        return False
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return any(_is_public(urlsplit(f"//{host}").hostname or "") for host in hosts)


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".svc", ".lan"))
