"""Settings: what is required, and that a wrong one is one line."""

import pytest

from remediator.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NAMESPACE": "shop", "WEBHOOK_TOKEN": "secret"}.items():
        monkeypatch.setenv(f"REMEDIATOR_{name}", value)


def test_defaults_are_those_of_the_documentation() -> None:
    settings = load_settings()
    assert (settings.port, settings.poll_seconds, settings.settling_seconds) == (8080, 15.0, 45.0)
    assert settings.alertmanager_url == ()


def test_empty_url_switches_a_source_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMEDIATOR_PROMETHEUS_URL", "")
    assert load_settings().prometheus_url == ()


def test_a_highly_available_pair_is_several_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMEDIATOR_ALERTMANAGER_URL", "http://am-0:9093, http://am-1:9093")
    assert [url.host for url in load_settings().alertmanager_url] == ["am-0", "am-1"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("NAMESPACE", "", "REMEDIATOR_NAMESPACE"),
        ("NAMESPACE", "Not A Namespace", "REMEDIATOR_NAMESPACE"),
        ("WEBHOOK_TOKEN", "", "REMEDIATOR_WEBHOOK_TOKEN"),
        ("PORT", "http", "REMEDIATOR_PORT"),
        ("POLL_SECONDS", "0", "REMEDIATOR_POLL_SECONDS"),
        ("ALERTMANAGER_URL", "alertmanager:9093:x", "REMEDIATOR_ALERTMANAGER_URL"),
        ("TLS_KEY_FILE", "/key", "REMEDIATOR_TLS_CERTIFICATE_FILE"),
        ("LOG_LEVEL", "LOUD", "REMEDIATOR_LOG_LEVEL"),
    ],
)
def test_wrong_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"REMEDIATOR_{name}", value)
    with pytest.raises(SettingsError, match=said) as error:
        load_settings()
    assert "\n" not in str(error.value)


def test_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMEDIATOR_PORT", "x")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert "secret" not in str(error.value)
