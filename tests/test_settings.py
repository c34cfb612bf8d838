"""Settings are typed, and all problems are reported at once."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidSettings
from bot.settings import Settings, WebSettings, load_settings
from bot.store.connection import REDIS_SCHEMES, check_address, connect
from bot.store.encryption import new_key

REQUIRED = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99aaabbb85a5",
    "REDIS_URL": "redis://localhost:6379/0",
    "ENCRYPTION_KEYS": new_key(),
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only the required settings, without a .env file."""
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def test_needs_no_more_than_four() -> None:
    """All other settings have defaults."""
    settings = load_settings()
    assert settings.port == 3000
    assert settings.slack_api_url == "https://slack.com/api"
    assert settings.emporix_api_url == "https://api.emporix.io"
    assert (settings.log_level, settings.log_format) == ("INFO", "text")


def test_needs_no_signing_secret_with_an_app_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the web process, one of signing secret and app token is enough; both are allowed."""
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1")
    assert load_settings(WebSettings).signing_secrets == (REQUIRED["SLACK_SIGNING_SECRET"],)
    monkeypatch.delenv("SLACK_SIGNING_SECRET")
    assert load_settings(WebSettings).signing_secrets == ()
    monkeypatch.setenv("SLACK_APP_TOKEN", "")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(WebSettings)
    assert caught.value.problems == {
        "SLACK_SIGNING_SECRET": "is missing: set it, or SLACK_APP_TOKEN for Socket Mode"
    }
    monkeypatch.setenv("SLACK_APP_TOKEN", "xoxb-1")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(WebSettings)
    assert caught.value.problems.keys() == {"SLACK_APP_TOKEN"}


def test_a_worker_needs_neither_signing_secret_nor_app_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that receives no requests needs no setting for them."""
    assert refused(monkeypatch, SLACK_SIGNING_SECRET="", SLACK_APP_TOKEN="") == {}


def test_says_where_an_app_level_token_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app-level token that is set as the signing secret is recognized."""
    problems = refused(monkeypatch, SLACK_SIGNING_SECRET="xapp-1-A0-12-abc")
    assert problems == {
        "SLACK_SIGNING_SECRET": "looks like an app-level token: set SLACK_APP_TOKEN to it"
    }


def test_names_all_that_is_amiss_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All problems are reported at once."""
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "")
    monkeypatch.setenv("REDIS_URL", "http://localhost")
    monkeypatch.setenv("ENCRYPTION_KEYS", "short")
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("EMPORIX_API_URL", "api.emporix.io")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(WebSettings)
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
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert "a-secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_hides_secrets() -> None:
    """Printing settings shows no secrets."""
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
    """Plain, TLS, socket and Sentinel URLs are accepted."""
    monkeypatch.setenv("REDIS_URL", url)
    assert load_settings().redis_url.get_secret_value() == url


def test_other_organisations_are_kept_out_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sharing in Slack Connect channels is off by default."""
    assert load_settings().allow_shared_channels is False
    monkeypatch.setenv("ALLOW_SHARED_CHANNELS", "true")
    assert load_settings().allow_shared_channels is True


def test_reads_a_dotenv_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A .env file supplies settings that aren't in the environment."""
    folder = tmp_path_factory.mktemp("project")
    (folder / ".env").write_text("PORT=8080\nSLACK_BOT_TOKEN=xoxb-from-file\n")
    monkeypatch.chdir(folder)
    settings = load_settings()
    assert settings.port == 8080
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1"


def refused(monkeypatch: pytest.MonkeyPatch, **values: str) -> dict[str, str]:
    """The problems of these settings; {} if they are valid."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    try:
        load_settings()
    except InvalidSettings as wrong:
        return dict(wrong.problems)
    return {}


KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SECRET, OLD_SECRET = REQUIRED["SLACK_SIGNING_SECRET"], "5a2d0b0c51962e5a3d6f0c1b7e8f9a24"
GOOD = {
    "SLACK_BOT_TOKEN": ["xoxb-1", "xoxb-12-34-abcDEF", " xoxb-1\r\n"],
    "SLACK_APP_TOKEN": ["xapp-1-A0-12-abc", " xapp-1\n"],
    "SLACK_SIGNING_SECRET": [SECRET, f"{SECRET},{OLD_SECRET}", f" {SECRET} , {OLD_SECRET}\n"],
    "SLACK_API_URL": ["https://slack.com/api/", "http://127.0.0.1:1/api/", "http://[::1]:1"],
    "EMPORIX_API_URL": [
        "https://api.emporix.io\n",
        "http://localhost:8040",
        "https://API.emporix.io.",
        "https://münchen.de",
        "https://api_1.internal",
    ],
    "EMPORIX_DASHBOARD_URL": ["https://admin.emporix.io"],
    "REDIS_URL": [
        "redis://a/0",
        "redis://a",
        "redis://user:p%40ss%2Fword@a:1/2?socket_timeout=3",
        "rediss://u:p@a:1/0?ssl_cert_reqs=none",
        "redis://[::1]:6379",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=1",
        "redis+sentinel://a:1,b:2/service",
        "rediss+sentinel://u:p@a/service/1",
    ],
    "ENCRYPTION_KEYS": [KEY, f"{KEY}, {KEY}\n"],
    "ALLOW_SHARED_CHANNELS": ["true", "false", "1", " TRUE "],
    "SLACK_MESSAGES_PER_MINUTE": ["1", "6000"],
    "SLACK_CHANNEL_READS_PER_MINUTE": ["5", "6000"],
    "DELETES": ["off", "single", "all", "Single ", "OFF"],
    "AGENT_ACTIONS": ["off", "on", "On ", "OFF"],
    "AUDIT_DAYS": ["1", "3650"],
    "HOST": ["0.0.0.0", "127.0.0.1", "::", "::1"],
    "PORT": ["0", " 8080 ", "65535"],
    "METRICS_PORT": ["0", " 9090 ", "65535"],
    "SENTRY_DSN": ["https://0a1b@sentry.example.com/1", "http://0a1b@127.0.0.1:9000/path/1"],
    "LOG_LEVEL": ["debug", "WARNING ", "Error"],
    "LOG_FORMAT": ["text", "json", "JSON", "Text "],
    "LOG_AUDIT": ["true", "false"],
}
BAD = {
    "SLACK_BOT_TOKEN": ["\n", "xoxp-1-hidden", "xapp-1-hidden", SECRET, "xoxb-1 hidden", "xoxb-é"],
    "SLACK_APP_TOKEN": ["xoxb-1-hidden", SECRET, "xapp-1 hidden", "xapp-é-hidden", "xapp-"],
    "SLACK_SIGNING_SECRET": [
        "hidden",
        SECRET[:-1],
        SECRET.upper(),
        "xoxb-1-hidden",
        "xapp-1-hidden",
        f"{SECRET},",
        f"{SECRET},{OLD_SECRET},{SECRET}",
    ],
    "SLACK_API_URL": ["slack.com/hidden", "http://slack.com/hidden", "https:///hidden"],
    "EMPORIX_API_URL": [
        "http://api.emporix.io/hidden",
        "http://10.0.0.1/hidden",
        "https://user:hidden@api.emporix.io",
        "https://api.emporix.io/?hidden",
        "https://[hidden",
        "https://api.emporix.io:hidden",
        "https://api. emporix.io/hidden",
        "https://hidden..emporix.io",
        f"https://{'hidden' * 11}.io",
        "https://münchen..hidden.de",
        "https://☃-hidden.de",
        "https://<hidden>.emporix.io",
        "https://hidden%2eemporix.io",
    ],
    "EMPORIX_DASHBOARD_URL": ["javascript:hidden", "ftp://hidden"],
    "REDIS_URL": [
        "http://hidden",
        "redis://:hid/den@127.0.0.1:1/0",
        "redis://:12/34hidden@127.0.0.1:1/0",
        "redis://:hid#den@127.0.0.1:1/0",
        "redis://:12#hidden@127.0.0.1:1/0",
        "redis://:hid?den@127.0.0.1:1/0",
        "redis://:12?hidden@127.0.0.1:1/0",
        "redis://:hid@den@127.0.0.1:1/0",
        "redis://[::1:6379",
        "redis://a?db=hidden",
        "redis://a?hidden=1",
        "redis://a?retry_on_error=hidden",
        "redis://a?decode_responses=hidden",
        "redis+sentinel://a/service?ssl_cert_reqs=hidden",
        "redis://a/hidden",
        "redis://a:hidden/1",
        "redis://",
        "redis://:hidden@/0",
        "rediss://a?ssl_cert_reqs=hidden",
        "unix://",
        "redis+sentinel://a/service/hidden",
        "redis+sentinel://:12/hidden@a/service",
        "redis+sentinel://a",
        "redis+sentinel://a:hidden/service",
    ],
    "ENCRYPTION_KEYS": ["hidden", f"{KEY},hidden", ","],
    "ALLOW_SHARED_CHANNELS": ["hidden"],
    "SLACK_MESSAGES_PER_MINUTE": ["0", "6001", "hidden"],
    "SLACK_CHANNEL_READS_PER_MINUTE": ["4", "6001", "hidden"],
    "DELETES": ["hidden", "true"],
    "AGENT_ACTIONS": ["hidden", "true"],
    "AUDIT_DAYS": ["0", "3651", "hidden"],
    "HOST": ["hidden", "0.0.0.0:3000", "[::]", "example.com"],
    "PORT": ["-1", "65536", "hidden", "80.5"],
    "METRICS_PORT": ["-1", "65536", "hidden"],
    "SENTRY_DSN": [
        "hidden",
        "https://sentry.example.com/hidden",
        "https://0a1b@hidden",
        "ftp://a@hidden/1",
    ],
    "LOG_LEVEL": ["hidden"],
    "LOG_FORMAT": ["hidden"],
    "LOG_AUDIT": ["hidden"],
}
NAMES = [name.upper() for name in Settings.model_fields]


def test_every_setting_has_good_and_bad_values() -> None:
    """The tables below cover every setting."""
    assert sorted(GOOD) == sorted(BAD) == sorted(NAMES)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in GOOD.items() for v in values])
def test_takes_what_is_meant(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """White space around a value is removed."""
    assert refused(monkeypatch, **{name: value}) == {}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_names_the_setting_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """An invalid value is reported in one line with its setting, but without the value."""
    (problem,) = refused(monkeypatch, **{name: value}).items()
    assert problem[0] == name
    assert "hid" not in problem[1]
    assert SECRET not in problem[1]
    assert "\n" not in problem[1]


@pytest.mark.parametrize("around", ['"{}"', "'{}'", "“{}”", "{}\u200b", "\ufeff{}", "{}\x1b[0m"])
@pytest.mark.parametrize("name", NAMES)
def test_refuses_quotes_and_invisible_characters(
    monkeypatch: pytest.MonkeyPatch, name: str, around: str
) -> None:
    """A value with quotes, line breaks or invisible characters is rejected for any setting."""
    assert refused(monkeypatch, **{name: around.format(GOOD[name][0].strip())}).keys() == {name}


def test_says_that_two_were_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The likeliest mistake is to swap the token and the secret."""
    problems = refused(monkeypatch, SLACK_BOT_TOKEN=SECRET, SLACK_SIGNING_SECRET="xoxb-1")
    assert all("swap" in problem for problem in problems.values())


@pytest.mark.parametrize("name", ["PORT", "LOG_LEVEL", "DELETES", "ALLOW_SHARED_CHANNELS"])
def test_says_what_a_value_must_be(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each line is a sentence whose subject is the setting, including pydantic's own checks."""
    (problem,) = refused(monkeypatch, **{name: "hidden"}).values()
    assert problem.startswith("must be ")


def test_says_how_to_write_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password with a letter that ends the host needs percent-encoding."""
    (problem,) = refused(monkeypatch, REDIS_URL="redis://:a/b@c:1/0").values()
    assert "percent-encode / as %2F" in problem


@given(st.text(min_size=1))
def test_reads_every_password_that_is_percent_encoded(password: str) -> None:
    """Any password can be used if it is percent-encoded."""
    url = f"redis://user:{quote(password, safe='', errors='replace')}@host:1/0"
    check_address(url)
    pool = connect(url).connection_pool
    assert pool.connection_kwargs["password"] == password.encode(errors="replace").decode()


@given(st.text(), st.sampled_from(REDIS_SCHEMES))
def test_never_repeats_an_address(text: str, scheme: str) -> None:
    """Any REDIS_URL either creates a client or is rejected with our own message."""
    try:
        check_address(scheme + text)
    except ValueError as error:
        said = str(error).split(":")[0]
    else:
        said = "is an address of Redis" if connect(scheme + text) else ""
    assert said in {"is an address of Redis", "is not a Redis URL"}


@pytest.mark.parametrize(
    ("url", "is_risky"),
    [
        ("redis://redis:6379", False),
        ("redis://127.0.0.1", False),
        ("redis://10.1.2.3", False),
        ("redis://cache.example.com", True),
        ("redis://8.8.8.8", True),
        ("rediss://cache.example.com", False),
        ("redis://redis.apps.svc", False),
        ("redis+sentinel://redis-1,cache.example.com/main", True),
        ("unix:///run/redis.sock", False),
    ],
)
def test_warns_of_a_redis_that_others_can_listen_to(
    monkeypatch: pytest.MonkeyPatch, url: str, is_risky: bool
) -> None:
    """Without TLS only a private network will do: the password of Redis travels there."""
    monkeypatch.setenv("REDIS_URL", url)
    assert bool(load_settings().warnings()) is is_risky


@pytest.mark.parametrize(
    "address", ["http://[::1", "http://hidden:abc", "http://", "http://hidden..com:3128", " "]
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
def test_names_a_proxy_that_no_client_could_use(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    """An invalid proxy URL is reported at the start, without its password."""
    (problem,) = refused(monkeypatch, **{name: address}).items()
    assert problem == (name, "is not a URL such as http://proxy:8080")


@pytest.mark.parametrize(
    "address", ["proxy:8080", "http://user:p%40ss@proxy:8080", "http://[::1]:1"]
)
def test_takes_a_proxy_as_other_programs_do(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """A proxy URL may have a login, an IPv6 address, or no scheme."""
    assert refused(monkeypatch, HTTPS_PROXY=address) == {}


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-16", "PORT=8080"),
        ("utf-16-le", "PORT=8080"),
        ("latin-1", "# für später\nPORT=8080"),
    ],
)
def test_names_a_dotenv_file_of_another_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, text: str
) -> None:
    """A .env file that isn't UTF-8 is reported in one line, with its name and a fix."""
    (tmp_path / ".env").write_bytes(text.encode(encoding))
    monkeypatch.chdir(tmp_path)
    assert refused(monkeypatch).keys() == {".env"}


@pytest.mark.parametrize("text", ["\ufeffPORT=8080\r\n", "export PORT='8080'", "PORT = 8080 "])
def test_reads_a_dotenv_file_as_people_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A byte order mark, CRLF, export, quotes and spaces are accepted."""
    (tmp_path / ".env").write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    assert load_settings().port == 8080
