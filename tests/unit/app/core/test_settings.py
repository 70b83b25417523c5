import pytest

from app.core.backend_settings import BackendSettings, variable_of_one
from app.core.closed_sets import Backend
from app.core.settings import Settings, SettingsError, load_settings

TOKEN = "42:secret-part"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_TOKEN", TOKEN)


def test_the_token_is_all_that_must_be_given() -> None:
    settings = load_settings()
    assert (settings.port, settings.update_mode, settings.jaeger_port) == (8000, "webhook", 4317)
    assert settings.bot_id == 42


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "")
    assert load_settings().webhook_secret is None


def test_a_missing_token_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOT_TOKEN")
    with pytest.raises(SettingsError, match=r"^BOT_TOKEN: is required$"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOT_TOKEN", "no-colon"),
        ("BOT_TOKEN", "x:y"),
        ("BOT_TOKEN", "42:with space"),
        ("WEBHOOK_SECRET", "not allowed!"),
        ("WEBHOOK_SECRET", "a" * 257),
        ("PORT", "70000"),
        ("PORT", "many"),
        ("UPDATE_MODE", "pigeon"),
        ("REDIS_URL", "http://localhost"),
        ("AUTH_SERVICE_URL", "localhost:8101"),
        ("TRACING_SAMPLE_RATIO", "1.5"),
        ("BACKEND_TIMEOUT_SECONDS", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("TELEGRAM_PROXY", "https://proxy.test:3128"),
        ("TELEGRAM_PROXY", "socks5://proxy.test"),
        ("HTTPS_PROXY", "http://user:secret-password@proxy.test:port"),
        ("TELEGRAM_PROXY", "http://user:пароль@proxy.test:3128"),
        ("SSL_CERT_FILE", "/does/not/exist"),
        ("SSL_CERT_FILE", __file__),
        ("BACKEND_AUTH_TIMEOUT_SECONDS", "0"),
        ("BACKEND_SHIFT_RETRY_ATTEMPTS", "many"),
        ("BACKEND_USER_PROBE_PATH", "healthz"),
        ("BACKEND_OVERRIDES", '{"auth": {}}'),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    message = str(raised.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    assert name not in {"BOT_TOKEN", "TELEGRAM_PROXY", "HTTPS_PROXY"} or value not in message
    assert "secret-password" not in message


def test_a_backend_has_its_own_settings_where_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "BACKEND_TIMEOUT_SECONDS": "7",
        "BREAKER_OPEN_SECONDS": "20",
        "BACKEND_AUTH_TIMEOUT_SECONDS": "3",
        "backend_auth_breaker_open_seconds": "10",
        "BACKEND_AUTH_PROBE_PATH": "",
    }.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    auth, user = settings.of_backend(Backend.AUTH), settings.of_backend(Backend.USER)
    assert (auth.backend_timeout_seconds, auth.breaker_open_seconds) == (3, 10)
    assert (user.backend_timeout_seconds, user.breaker_open_seconds) == (7, 20)
    assert auth.probe_path == user.probe_path == "/healthz"


def test_every_setting_of_calls_can_be_set_for_every_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {name: "/x" if field.annotation is str else "1" for name, field in BackendSettings.model_fields.items()}
    for backend in Backend:
        for name, value in changed.items():
            monkeypatch.setenv(variable_of_one(backend, name), value)
    settings = load_settings()
    for backend in Backend:
        assert settings.of_backend(backend) == BackendSettings.model_validate(changed)
    assert settings.of_backend(Backend.AUTH).backend_retry_attempts != settings.backend_retry_attempts


@pytest.mark.parametrize(
    ("environment", "used"),
    [
        ({}, None),
        ({"TELEGRAM_PROXY": "socks5://proxy.test:1080"}, "socks5://proxy.test:1080"),
        ({"TELEGRAM_PROXY": "proxy.test:3128"}, "http://proxy.test:3128"),
        ({"https_proxy": "http://user:word@proxy.test:3128"}, "http://user:word@proxy.test:3128"),
        ({"TELEGRAM_PROXY": "http://own.test:1", "HTTPS_PROXY": "http://proxy.test:3128"}, "http://own.test:1"),
        ({"HTTPS_PROXY": "http://proxy.test:3128", "NO_PROXY": "example.org, telegram.org"}, None),
        ({"HTTPS_PROXY": "http://proxy.test:3128", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy.test:3128", "no_proxy": ".example.org"}, "http://proxy.test:3128"),
        ({"TELEGRAM_PROXY": "http://own.test:1", "NO_PROXY": "*"}, "http://own.test:1"),
        ({"HTTPS_PROXY": "http://proxy.test:3128", "TELEGRAM_API_BASE": "http://bot-api.test"}, None),
    ],
    ids=str,
)
def test_which_proxy_is_used_for_telegram(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], used: str | None
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings().proxy_of_telegram == used


def test_secrets_are_not_shown() -> None:
    assert "secret-part" not in repr(load_settings())


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
