"""The sandbox's settings, read from the environment (prefix ``SANDBOX_``)."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of the sandbox; the defaults suit a local run."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 in a container.")
    telegram_port: int = Field(8081, description="Port of the Telegram Bot API simulator.")
    control_port: int = Field(8082, description="Port of the control API and the demo page.")
    auth_port: int = Field(8101, description="Port of the Auth backend.")
    request_port: int = Field(8102, description="Port of the Request backend.")
    user_port: int = Field(8103, description="Port of the User backend.")
    shift_port: int = Field(8104, description="Port of the Shift backend.")

    database_url: str = Field("", description="SQLAlchemy URL of the backends' data; empty: a temporary SQLite file.")
    service_token: SecretStr = Field(
        SecretStr("sandbox-service-token"),
        description="Bearer token that the backends require and send to the gateway.",
    )
    bot_token: SecretStr = Field(
        SecretStr("42:SANDBOX-TOKEN-FOR-LOCAL-USE-ONLY"), description="The only bot token the simulator accepts."
    )
    webhook_url: str = Field("", description="Where updates go before the bot calls setWebhook; empty: none.")
    webhook_secret: SecretStr = Field(SecretStr(""), description="Secret header sent to that URL.")
    webhook_max_connections: int = Field(
        40, ge=1, le=100_000, description="Parallel deliveries before the bot calls setWebhook."
    )
    notify_url: str = Field(
        "", description="The gateway's /internal/notify, which gets every status change of a request; empty: none."
    )

    flood_limits: bool = Field(True, description="Enforce Telegram's sending limits with 429.")
    traffic_rate: float = Field(0.0, ge=0, description="Conversations started per second; 0: none.")
    traffic_users: int = Field(40, ge=1, le=999, description="Number of applicants (telegram ids 1001 and up).")
    ledger_size: int = Field(200_000, ge=1, description="Updates and effects kept as single records; totals are exact.")
    otlp_endpoint: str = Field("", description="OTLP gRPC address for the backends' traces; empty: no tracing.")

    otlp_receiver_port: int = Field(0, ge=0, description="Port of the built-in OTLP receiver for the page; 0: none.")
    otlp_forward_to: str = Field("", description="host:port of a Jaeger to which received spans are forwarded.")
    gateway_url: str = Field("", description="The gateway's address, for the page's metrics; empty: none.")
    gateway_pid_file: Path | None = Field(None, description="File with the gateway's process id, for the kill switch.")
    prometheus_url: str = Field(
        "", description="Prometheus' address, for the page's alerts and a cluster's metrics; empty: none."
    )
    alertmanager_url: str = Field("", description="Alertmanager's address, for a link on the page; empty: none.")
    jaeger_url: str = Field(
        "", description="The address of Jaeger's user interface, for links on the page; empty: none."
    )
    operator_file: Path | None = Field(
        None, description="File with the decisions of a dry-run operator, one JSON object per line."
    )
    namespace: str = Field("", description="Namespace in which the sandbox runs; empty: not on a cluster.")
    gateway_service: str = Field(
        "bot-gateway", description="The gateway's Service; Prometheus has its name as the label job."
    )
    remediations_namespace: str = Field(
        "",
        description="Namespace of the Remediation objects to show, read with the pod's service account; empty: none.",
    )

    @property
    def bot_id(self) -> int:
        """The number before the colon of the bot token."""
        return int(self.bot_token.get_secret_value().partition(":")[0])
