"""The password of the bundled Redis in the manifests. tests/integration/gateway/core has how Redis uses it."""

from __future__ import annotations

from typing import Any

import pytest

from support.charts import Rendering, gateway


def variables(rendering: Rendering, kind: str, name: str) -> dict[str, Any]:
    """The variables of the first container by name; those of a Secret as (Secret, key, whether it may be missing)."""
    (container, *_) = rendering.one(kind, name)["spec"]["template"]["spec"]["containers"]
    found = {}
    for variable in container["env"]:
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        found[variable["name"]] = (
            (reference["name"], reference["key"], reference.get("optional", False))
            if reference
            else variable.get("value")
        )
    return found


def redis(values: dict[str, Any] | None = None) -> dict[str, Any]:
    return variables(gateway(values), "StatefulSet", "bot-gateway-redis")


def checksum(values: dict[str, Any] | None = None) -> str:
    template = gateway(values).one("StatefulSet", "bot-gateway-redis")["spec"]["template"]
    found: str = template["metadata"]["annotations"]["checksum/redis-password"]
    return found


@pytest.mark.parametrize(
    ("values", "secret"),
    [
        ({}, "bot-gateway"),
        ({"existingSecret": "mine"}, "mine"),
        ({"redis": {"auth": {"existingSecret": "redis-only"}}}, "redis-only"),
    ],
)
def test_redis_and_the_gateway_take_the_password_from_one_secret(values: dict[str, Any], secret: str) -> None:
    """A Secret of before the password has no such key, and its pods must start all the same."""
    rendering = gateway(values)
    assert variables(rendering, "Deployment", "bot-gateway")["REDIS_PASSWORD"] == (secret, "redis-password", True)
    found = variables(rendering, "StatefulSet", "bot-gateway-redis")
    assert found["REDISCLI_AUTH"] == (secret, "redis-password", True)
    assert found["REDIS_PASSWORD_PREVIOUS"] == (secret, "redis-password-previous", True)


def test_the_default_password_is_derived_and_stays_the_same() -> None:
    first = gateway().one("Secret", "bot-gateway")["stringData"]
    again = gateway().one("Secret", "bot-gateway")["stringData"]
    elsewhere = gateway(namespace="elsewhere").one("Secret", "bot-gateway")["stringData"]
    assert first["redis-password"] == again["redis-password"] != elsewhere["redis-password"]
    assert first["redis-password"] not in (first["webhook-secret"], first["service-token"], first["remediator-token"])
    assert len(first["redis-password"]) == 64


def test_a_password_of_the_values_and_the_one_before_it_are_in_the_secret() -> None:
    data = gateway({"redis": {"auth": {"password": "a b'\"$", "previousPassword": "old"}}}).one(
        "Secret", "bot-gateway"
    )["stringData"]
    assert (data["redis-password"], data["redis-password-previous"]) == ("a b'\"$", "old")
    # Also written when empty: a key that is left out of stringData would stay in the Secret.
    assert gateway().one("Secret", "bot-gateway")["stringData"]["redis-password-previous"] == ""


def test_redis_restarts_with_a_new_password_and_not_with_other_secrets() -> None:
    assert checksum() == checksum({"telegram": {"webhookSecret": "another"}})
    assert checksum() != checksum({"redis": {"auth": {"password": "another"}}})
    assert checksum({"redis": {"auth": {"previousPassword": "old"}}}) != checksum()


@pytest.mark.parametrize(("value", "found"), [(None, "auto"), (True, "true"), ("true", "true"), (False, "false")])
def test_whether_the_password_is_required_is_a_value(value: Any, found: str) -> None:
    assert (
        redis({"redis": {"auth": {"required": value}}} if value is not None else None)["REDIS_PASSWORD_REQUIRED"]
        == found
    )


def test_an_external_redis_gets_no_password_of_the_chart() -> None:
    rendering = gateway({"redis": {"enabled": False}, "externalRedis": {"url": "redis://r.example"}})
    assert "REDIS_PASSWORD" not in variables(rendering, "Deployment", "bot-gateway")
    assert "redis-password" not in rendering.one("Secret", "bot-gateway")["stringData"]
