"""Every setting of the app, typed; all that is missing or wrong is named at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsWrong
from bot.keys import parse_keys

REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")


class Settings(BaseSettings):
    """Read from the environment, then from `.env`. Each description is the operator's help."""

    model_config = SettingsConfigDict(
        env_file=".env",
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
        description="Signs every request of Slack's: Slack app settings, Basic Information",
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
    slack_messages_per_minute: int = Field(
        400,
        ge=1,
        le=6000,
        description=(
            "How many messages all workers together may post by the clock; Slack allows a "
            "workspace several hundred a minute"
        ),
    )
    slack_pictures_per_minute: int = Field(
        60,
        ge=0,
        le=1000,
        description=(
            "How many pictures of digests all workers together may upload; Slack allows a "
            "workspace some hundred a minute; 0 for none at all"
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

    @field_validator("slack_api_url", "emporix_api_url", "emporix_dashboard_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https://")
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _is_redis_address(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(REDIS_SCHEMES):
            raise ValueError(f"must begin with one of {', '.join(REDIS_SCHEMES)}")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        parse_keys(value.get_secret_value())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


def load_settings() -> Settings:
    """The settings of this process; raises SettingsWrong with everything that is amiss."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsWrong(_problems(error)) from None


def _problems(error: ValidationError) -> Mapping[str, str]:
    return {
        str(problem["loc"][0]).upper(): (
            "is missing"
            if problem["type"] == "missing"
            else problem["msg"].removeprefix("Value error, ")
        )
        for problem in error.errors(include_input=False, include_url=False)
    }
