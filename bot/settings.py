"""Every setting of the app, typed; all that is missing or wrong is named at once."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
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
_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)


class Settings(BaseSettings):
    """Read from the environment, then from `.env`. Each description is the operator's help."""

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
    slack_signing_secret: SecretStr = Field(
        description=(
            "Verifies that requests come from Slack: Slack app settings, Basic Information; while "
            "you replace it, the new and the old one, separated by a comma"
        ),
        examples=["8f742231b10e8888abcd99yyyzzz85a5"],
    )
    slack_api_url: str = Field(
        "https://slack.com/api/", description="Base address of Slack's Web API"
    )
    emporix_api_url: str = Field(
        "https://api.emporix.io", description="Base address of the Emporix API"
    )
    emporix_dashboard_url: str = Field(
        "https://admin.emporix.io",
        description="Base address of the Management Dashboard, for links to a job",
    )
    redis_url: SecretStr = Field(
        description=(
            "redis://, rediss:// or unix:// address, or "
            "redis+sentinel://[user:password@]host:26379,host:26379/service[/db]"
        ),
        examples=["redis://localhost:6379/0"],
    )
    encryption_keys: SecretStr = Field(
        description=(
            "Keys for what is secret in Redis, by comma: the first encrypts, all decrypt; "
            "`emporix-bot keys new` makes one"
        ),
        examples=["k1…"],
    )
    allow_shared_channels: bool = Field(
        False,
        description=(
            "true lets people share jobs in Slack Connect channels, which other organisations "
            "read, too"
        ),
    )
    deletes: Literal["off", "single", "all"] = Field(
        "all",
        description=(
            "off: nobody can delete jobs here; single: one by one and ticked ones, but no "
            "clean-ups; all: clean-ups too"
        ),
    )
    slack_messages_per_minute: int = Field(
        400,
        ge=1,
        le=6000,
        description=(
            "How many scheduled messages all workers together may post; Slack allows a "
            "workspace several hundred a minute"
        ),
    )
    slack_channel_reads_per_minute: int = Field(
        50,
        ge=5,
        le=6000,
        description=(
            "How often all workers together may ask Slack who reads a channel before scheduled "
            "posts; Slack allows a workspace about 50 a minute"
        ),
    )
    host: str = Field(
        "0.0.0.0",  # noqa: S104 - the platform's router comes from outside the machine
        description=(
            "IP address that the web process listens on: 127.0.0.1 behind a proxy on the same "
            "machine, :: for IPv6 as well as IPv4"
        ),
    )
    audit_days: int = Field(
        365, ge=1, le=3650, description="How many days the audit log keeps its entries"
    )
    port: int = Field(3000, ge=0, le=65535, description="Port that the web process listens on")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="text for people, json (a line an event) for machines"
    )
    log_audit: bool = Field(
        False,
        description=(
            "true writes each entry of the audit log to standard output, too, as a line of JSON"
        ),
    )

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """The current signing secret, and another one while it is replaced."""
        return _separated(self.slack_signing_secret.get_secret_value())

    def warnings(self) -> list[str]:
        """Settings that work, but that an operator should know about."""
        if _is_in_plain_text(self.redis_url.get_secret_value()):
            return ["REDIS_URL is not encrypted and names a public address: use rediss://"]
        return []

    @field_validator("*", mode="before")
    @classmethod
    def _is_clean(cls, value: object) -> object:
        """White space around a value is dropped: it comes with copying, and means nothing."""
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

    @field_validator("slack_signing_secret")
    @classmethod
    def _are_signing_secrets(cls, value: SecretStr) -> SecretStr:
        secrets = _separated(value.get_secret_value())
        if any(secret.startswith("xox") for secret in secrets):
            raise ValueError("looks like a token: did you swap it with SLACK_BOT_TOKEN?")
        if not all(_SIGNING_SECRET.fullmatch(secret) for secret in secrets):
            raise ValueError("must have 32 digits from 0 to 9 and a to f")
        if len(secrets) > 2:
            raise ValueError("may hold two secrets at most: the new and the old one")
        return value

    @field_validator("slack_api_url", "emporix_api_url", "emporix_dashboard_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        """Keys and tokens travel there, so nobody in between may read them."""
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("is not an address such as https://api.example.com") from None
        if parts.scheme not in {"https", "http"} or not host:
            raise ValueError("must begin with https:// and a host")
        if parts.scheme == "http" and not _is_loopback(host):
            raise ValueError("must begin with https:// (http:// only for this machine)")
        if not _is_host(value):
            raise ValueError("must name a host that can exist, such as api.example.com")
        if parts.username is not None or parts.query or parts.fragment or " " in value:
            raise ValueError("may have neither a login, a query, a fragment nor spaces")
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

    @field_validator("encryption_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        parse_keys(value.get_secret_value())
        return value

    @field_validator("log_level", "log_format", "deletes", mode="before")
    @classmethod
    def _in_any_case(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        return value.upper() if info.field_name == "log_level" else value.lower()


def load_settings() -> Settings:
    """The settings of this process; raises SettingsWrong with everything that is wrong."""
    _check_dotenv(Path(DOTENV))
    if wrong := invalid_proxies():
        raise InvalidSettings(dict.fromkeys(wrong, "is not an address such as http://proxy:8080"))
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidSettings(_problems(error)) from None


def _check_dotenv(path: Path) -> None:
    """Editors and shells save text in encodings that nobody asked for."""
    try:
        text = path.read_bytes().decode("utf-8-sig") if path.is_file() else ""
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        raise InvalidSettings({DOTENV: f"cannot be read: {error.strerror}"}) from None
    if "\0" in text:
        raise InvalidSettings({DOTENV: "is not UTF-8 text: save it again with the encoding UTF-8"})


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
    """Whether DNS could look up the host of `address`, or it is an IP address.

    DNS (RFC 1035, 2.3.4): a label has 1 to 63 letters, a name at most 253. A host that no client
    can encode would end every call with an error that is not about the network.
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
    """Whether the way to Redis is certainly not private; a name without a dot is a container's."""
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
