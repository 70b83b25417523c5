import pytest

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
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    message = str(raised.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    assert name != "BOT_TOKEN" or value not in message


def test_secrets_are_not_shown() -> None:
    assert "secret-part" not in repr(load_settings())


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
