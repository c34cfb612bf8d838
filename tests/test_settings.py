"""Settings are typed, and all that is amiss is named at once."""

from __future__ import annotations

import pytest

from bot.errors import SettingsWrong
from bot.keys import new_key
from bot.settings import Settings, load_settings

REQUIRED = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": "signing-secret",
    "REDIS_URL": "redis://localhost:6379/0",
    "ENCRYPTION_KEYS": new_key(),
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing but the required settings, and no .env file."""
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def test_needs_no_more_than_four() -> None:
    """Everything else has a default."""
    settings = load_settings()
    assert settings.port == 3000
    assert settings.slack_api_url == "https://slack.com/api"
    assert settings.emporix_api_url == "https://api.emporix.io"
    assert (settings.log_level, settings.log_format) == ("INFO", "text")


def test_names_all_that_is_amiss_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts the app mends everything in one go."""
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "")
    monkeypatch.setenv("REDIS_URL", "http://localhost")
    monkeypatch.setenv("ENCRYPTION_KEYS", "short")
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("EMPORIX_API_URL", "api.emporix.io")
    with pytest.raises(SettingsWrong) as caught:
        load_settings()
    assert set(caught.value.problems) == {
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
        "REDIS_URL",
        "ENCRYPTION_KEYS",
        "PORT",
        "LOG_LEVEL",
        "EMPORIX_API_URL",
    }
    assert caught.value.problems["SLACK_BOT_TOKEN"] == "is missing"
    assert "keys new" in caught.value.problems["ENCRYPTION_KEYS"]


def test_repeats_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in the wrong place is not printed."""
    monkeypatch.setenv("ENCRYPTION_KEYS", "a-secret-that-is-no-key")
    monkeypatch.setenv("REDIS_URL", "http://user:hidden@localhost")
    with pytest.raises(SettingsWrong) as caught:
        load_settings()
    assert "a-secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_hides_secrets() -> None:
    """Settings can be printed."""
    shown = repr(load_settings())
    assert not any(value in shown for value in REQUIRED.values())


@pytest.mark.parametrize(
    "url",
    [
        "redis://a/0",
        "rediss://u:p@a:1/0",
        "unix:///run/redis.sock",
        "redis+sentinel://a:1,b:2/service",
        "rediss+sentinel://u:p@a/service/1",
    ],
)
def test_takes_every_form_of_redis_address(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Plain, TLS, a socket, and Sentinel."""
    monkeypatch.setenv("REDIS_URL", url)
    assert load_settings().redis_url.get_secret_value() == url


def test_other_organisations_are_kept_out_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sharing in Slack Connect channels is off until somebody turns it on."""
    assert load_settings().allow_shared_channels is False
    monkeypatch.setenv("ALLOW_SHARED_CHANNELS", "true")
    assert load_settings().allow_shared_channels is True


def test_reads_a_dotenv_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A .env file fills in what the environment does not say."""
    folder = tmp_path_factory.mktemp("project")
    (folder / ".env").write_text("PORT=8080\nSLACK_BOT_TOKEN=xoxb-from-file\n")
    monkeypatch.chdir(folder)
    settings = load_settings()
    assert settings.port == 8080
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1"
