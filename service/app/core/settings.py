"""Every setting of the gateway, read from the environment.

`docs/settings.md` is generated from this class. Times are in seconds unless the name says otherwise.
"""

import ssl
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.core.backend_settings import BackendSettings, OverridesSource, Ratio, Seconds, variable_of_one
from app.core.closed_sets import Backend
from app.core.proxy_url import is_bypassed, parse_proxy_url
from app.core.redis_url import parse_redis_url

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Port = Annotated[int, Field(ge=1, le=65535)]


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one line that names it."""


class Settings(BackendSettings, BaseSettings):
    """The environment of `python -m app`. Secrets are never shown by `repr`."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True)

    bot_token: SecretStr = Field(description="Token of the bot, as BotFather gives it.")
    webhook_secret: SecretStr | None = Field(
        None, description="Secret that Telegram sends with each update; empty: not checked (a laptop only)."
    )
    webhook_secret_previous: SecretStr | None = Field(
        None, description="Former webhook secret, still accepted while it is being rotated."
    )
    webhook_url: HttpUrl | None = Field(
        None, description="Public address of `/webhook`; empty: the webhook is not registered."
    )
    update_mode: Literal["webhook", "polling"] = Field(
        "webhook",
        description="How updates arrive. Polling needs no public address; one elected replica polls for all.",
    )
    telegram_api_base: HttpUrl = Field("https://api.telegram.org", description="Address of the Bot API server.")
    telegram_max_connections: int = Field(
        100, ge=1, le=100_000, description="Updates that Telegram may deliver at once (`max_connections`)."
    )
    telegram_messages_per_second: int = Field(
        30,
        ge=0,
        description="Messages per second that all replicas send together; 0: no limit (a local Bot API server).",
    )
    telegram_proxy: SecretStr | None = Field(
        None,
        description="Proxy for the Bot API: `http://host:port` (CONNECT) or `socks5://host:port`, with"
        " `user:password@` before the host where it needs them. Empty: `HTTPS_PROXY`.",
    )
    https_proxy: SecretStr | None = Field(
        None, description="Proxy for the Bot API where `TELEGRAM_PROXY` is empty and `TELEGRAM_API_BASE` is https."
    )
    no_proxy: str = Field(
        "", description="Hosts and domains, with commas between, that are reached without `HTTPS_PROXY`; `*`: all."
    )
    ssl_cert_file: str = Field(
        "",
        description="File of CA certificates (PEM) for Telegram, the backends and Redis, in place of the system's file;"
        " OpenSSL reads it.",
    )

    host: str = Field("0.0.0.0", description="Address to listen on; `::`: all of IPv6 and IPv4.")  # noqa: S104 - a container's only interface
    port: Port = Field(8000, description="Port to listen on.")
    internal_port: Port | None = Field(
        None,
        description="Port for `/metrics`, the probes and `/internal/notify`; empty: `PORT` (a laptop only).",
    )
    public_metrics: bool = Field(
        False, description="Whether `PORT` serves `/metrics` too where `INTERNAL_PORT` is another port."
    )
    pod_ip: str = Field(
        "", description="Address at which other replicas reach this one, from the downward API; empty: the host's own."
    )
    max_in_flight: int = Field(100, ge=1, description="Updates handled at once in one process; more get a 503.")
    max_connections: int = Field(
        2000,
        ge=10,
        description="Connections open at once on `PORT`; beyond that, those that wait longest are closed.",
    )
    update_deadline_seconds: Seconds = Field(
        45, description="Longest time for one update with all its retries; Telegram itself gives up after 60 s."
    )
    shutdown_grace_seconds: Seconds = Field(
        25,
        description="Longest graceful shutdown, from SIGTERM to exit; three fifths of it are for updates in flight. "
        "A shutdown that takes longer is logged with its stacks and ended.",
    )

    redis_url: str = Field(
        "redis://localhost:6379/0",
        description="`redis://host:port/db`, `redis+sentinel://host:port,host:port/name/db` or"
        " `redis+cluster://host:port,host:port`; `rediss...` for TLS; `?sentinel_password=` for the sentinels' own.",
    )
    redis_password: SecretStr | None = Field(
        None, description="Password of Redis' user `default`; a user or password in `REDIS_URL` takes precedence."
    )
    redis_key_prefix: str = Field("bg", pattern=r"^[a-z0-9-]+$", description="First part of every key in Redis.")
    redis_max_connections: int = Field(
        20, ge=4, description="Connections of the pool for all but claim and commit, which have two per server."
    )
    redis_timeout_seconds: Seconds = Field(2, description="Longest wait for one reply of Redis.")
    lease_seconds: Seconds = Field(
        15, description="How long a chat stays locked by a replica that died; longer than a failover of Redis takes."
    )
    chat_lock_wait_seconds: Seconds = Field(
        2,
        # The second name is the former one, which deployed values may still set.
        validation_alias=AliasChoices("chat_lock_wait_seconds", "lane_wait_seconds"),
        description="How long an update waits for another one of the same chat.",
    )

    auth_service_url: HttpUrl = Field("http://localhost:8101", description="Address of the Auth Service.")
    request_service_url: HttpUrl = Field("http://localhost:8102", description="Address of the Request Service.")
    user_service_url: HttpUrl = Field("http://localhost:8103", description="Address of the User Service.")
    shift_service_url: HttpUrl = Field("http://localhost:8104", description="Address of the Shift Service.")
    service_token: SecretStr = Field(
        SecretStr(""), description="Bearer token for the backends, and of the backends at `/internal/notify`."
    )
    # NoDecode: no variable of this name is read as JSON.
    backend_overrides: Annotated[dict[Backend, BackendSettings], NoDecode] = Field(
        {}, description="Settings of single backends, from `BACKEND_<NAME>_…`."
    )

    rate_limit_window_seconds: Seconds = Field(60, description="A user over the limit is warned once in this time.")
    rate_limit_burst: int = Field(20, ge=1, description="Updates that a user may send at once.")
    rate_limit_per_second: Seconds = Field(1, description="Updates per second that a user may send for long.")
    rate_limit_staff_factor: float = Field(
        3, ge=1, description="Executors, managers and admins may send this many times as much as applicants."
    )
    identity_fresh_seconds: Seconds = Field(
        300, description="How long a response of the Auth Service is used as it is."
    )
    identity_stale_seconds: Seconds = Field(
        86_400, description="How long that response may still be used while the Auth Service is down."
    )
    session_ttl_seconds: Seconds = Field(1800, description="A user's session ends after this time without an update.")
    fsm_ttl_seconds: Seconds = Field(86_400, description="A dialogue is forgotten after this time without an update.")

    tracing_enabled: bool = Field(True, description="Whether traces are made and exported.")
    jaeger_host: str = Field("localhost", description="Host of the OTLP collector; `OTEL_EXPORTER_OTLP_*` wins.")
    jaeger_port: Port = Field(
        4317, description="Its OTLP/gRPC port. 6831, the port of an agent that no longer exists, means 4317."
    )
    tracing_sample_ratio: Ratio = Field(
        0.1, description="Share of traces kept. Failed and slow ones are kept besides. `OTEL_TRACES_SAMPLER_ARG` wins."
    )
    tracing_slow_seconds: Seconds = Field(2, description="An update that takes longer keeps its trace.")
    tracing_errors_per_second: Seconds = Field(20, description="Most failed traces kept per second.")
    log_level: LogLevel = Field("INFO", description="Least level that is logged.")
    watchdog_seconds: Seconds = Field(5, description="An event loop stuck for longer has its stacks dumped.")
    dead_letters_max: int = Field(10_000, ge=1, description="Updates kept as dead letters; the oldest go first.")
    dead_letters_max_bytes: int = Field(
        32 * 2**20, ge=2**20, description="Memory of Redis for dead letters, in bytes; the oldest go first."
    )

    compat_dispatch_index: bool = Field(
        True, description="Find handlers by an index instead of asking each; off: aiogram's own dispatch."
    )
    compat_lazy_message: bool = Field(
        True, description="Decode sent messages at their first use; off: aiogram decodes each at once."
    )
    compat_hashed_resource: bool = Field(
        True, description="Compute the hash of the traces' resource once; off: OpenTelemetry computes it for each span."
    )

    @field_validator("bot_token")
    @classmethod
    def _token_has_an_id(cls, value: SecretStr) -> SecretStr:
        number, colon, secret = value.get_secret_value().partition(":")
        if not (number.isascii() and number.isdigit() and colon and secret) or any(c.isspace() for c in secret):
            raise ValueError("must look like 123456:ABC-DEF, as BotFather gives it")
        return value

    @field_validator("webhook_secret", "webhook_secret_previous")
    @classmethod
    def _secret_is_allowed_by_telegram(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            text = value.get_secret_value()
            if len(text) > 256 or not all(c.isascii() and (c.isalnum() or c in "_-") for c in text):
                raise ValueError("must be 1-256 characters of A-Z, a-z, 0-9, _ and -")
        return value

    @field_validator("telegram_proxy", "https_proxy")
    @classmethod
    def _proxy_can_be_used(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(parse_proxy_url(value.get_secret_value()))

    @field_validator("ssl_cert_file")
    @classmethod
    def _certificates_can_be_read(cls, value: str) -> str:
        # OpenSSL ignores a file that it cannot read, and every connection would fail later.
        if value:
            try:
                ssl.create_default_context(cafile=value)
            except OSError:
                raise ValueError("must be a readable file of CA certificates in PEM format") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_url_can_be_read(cls, value: str) -> str:
        parse_redis_url(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read `BACKEND_<NAME>_…` besides the variables with the names of fields."""
        return (init_settings, env_settings, dotenv_settings, file_secret_settings, OverridesSource(settings_cls))

    def of_backend(self, backend: Backend) -> BackendSettings:
        """Return the settings of one backend: its own where they are set, else those of all."""
        own = self.backend_overrides.get(backend)
        values: dict[str, Any] = {name: getattr(self, name) for name in BackendSettings.model_fields}
        return BackendSettings(**values | (own.model_dump(exclude_unset=True) if own else {}))

    @property
    def proxy_of_telegram(self) -> str | None:
        """The address of the proxy for the Bot API, which may hold a password."""
        proxy, api = self.telegram_proxy, urlsplit(self.telegram_api_base)
        if proxy is None and api.scheme == "https" and not is_bypassed(api.hostname or "", self.no_proxy):
            proxy = self.https_proxy
        return None if proxy is None else proxy.get_secret_value()

    @property
    def bot_id(self) -> int:
        """The bot's user id, the public part of the token."""
        return int(self.bot_token.get_secret_value().partition(":")[0])


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: names the first setting that is missing or wrong, without its value, which may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        match first["loc"]:
            case ("backend_overrides", backend, field):
                name = variable_of_one(str(backend), str(field))
            case place:
                name = ".".join(str(part) for part in place).upper()
        reason = "is required" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name}: {reason}") from None
