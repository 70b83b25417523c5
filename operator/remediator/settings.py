"""The operator's settings, read from the environment and checked before anything starts.

A wrong setting ends the program with one line on stderr and exit code 2: an operator with half of its
configuration is worse than one that does not start.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ENV_PREFIX = "REMEDIATOR_"


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one line for a person."""


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Urls = Annotated[tuple[AnyHttpUrl, ...], NoDecode, BeforeValidator(_split)]
"""Base URLs of the replicas of one source, separated by commas."""


class Settings(BaseSettings):
    """Every setting of ``python -m remediator run``; names are prefixed with ``REMEDIATOR_``."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="ignore", env_ignore_empty=True, frozen=True)

    namespace: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", description="The namespace to watch.")
    webhook_token_file: Path | None = Field(default=None, description="File with the bearer token; read again often.")
    webhook_token: SecretStr | None = Field(default=None, description="The bearer token itself, where no file is.")
    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - a pod's own network
    port: int = Field(default=8080, ge=1, le=65535, description="Port of /alerts, /metrics, /livez and /readyz.")
    tls_certificate_file: Path | None = Field(default=None, description="Serve TLS with this certificate chain.")
    tls_key_file: Path | None = Field(default=None, description="The private key that belongs to the certificate.")
    alertmanager_url: Urls = Field(
        default=(), description="Base URL to poll, of each replica (commas between); empty switches it off."
    )
    receiver: str = Field(
        default="", max_length=512, description="The operator's receiver in Alertmanager; else from its webhooks."
    )
    prometheus_url: Urls = Field(
        default=(), description="Base URL to confirm alerts with, of each replica (commas between)."
    )
    metrics_prefix: str = Field(default="bot_gateway_", pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
    poll_seconds: float = Field(default=15.0, ge=1.0, le=300.0, description="Between two polls of Alertmanager.")
    settling_seconds: float = Field(default=45.0, ge=0.0, le=600.0, description="Wait before judging an incident.")
    api_timeout_seconds: float = Field(default=10.0, ge=1.0, le=60.0, description="Limit of one API server call.")
    webhook_timeout_seconds: float = Field(default=9.0, ge=1.0, le=60.0, description="Limit to persist a webhook.")
    heartbeat_limit_seconds: float = Field(default=60.0, ge=5.0, le=600.0, description="Silence that fails /livez.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO")

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _token_is_given(self) -> Self:
        if self.webhook_token_file is None and self.webhook_token is None:
            raise ValueError(f"{ENV_PREFIX}WEBHOOK_TOKEN_FILE or {ENV_PREFIX}WEBHOOK_TOKEN is required")
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError(f"{ENV_PREFIX}TLS_CERTIFICATE_FILE and {ENV_PREFIX}TLS_KEY_FILE go together")
        return self


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: with one line that names every wrong variable, never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = [_sentence(item["loc"], item["msg"]) for item in error.errors(include_input=False)]
        raise SettingsError("; ".join(problems)) from None


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{ENV_PREFIX}{str(location[0]).upper()}: {text}" if location else text
