"""The sandbox's settings, read from the environment (prefix ``SANDBOX_``)."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every knob of the sandbox; the defaults run it on a laptop."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 in a container.")
    telegram_port: int = Field(8081, description="Port of the Telegram Bot API simulator.")
    control_port: int = Field(8082, description="Port of the control API and the demo page.")
    auth_port: int = Field(8101, description="Port of the Auth backend.")
    request_port: int = Field(8102, description="Port of the Request backend.")
    user_port: int = Field(8103, description="Port of the User backend.")
    shift_port: int = Field(8104, description="Port of the Shift backend.")

    database_url: str = Field(
        "", description="SQLAlchemy URL of the backends' data; empty is an SQLite file that goes at the end."
    )
    service_token: SecretStr = Field(
        SecretStr("sandbox-service-token"), description="Bearer token the backends ask for and send to the gateway."
    )
    bot_token: SecretStr = Field(
        SecretStr("42:SANDBOX-TOKEN-FOR-LOCAL-USE-ONLY"), description="The only bot token the simulator accepts."
    )
    webhook_url: str = Field("", description="Where updates go before the bot calls setWebhook; empty is nowhere.")
    webhook_secret: SecretStr = Field(SecretStr(""), description="Secret header that goes with that URL.")
    webhook_max_connections: int = Field(
        40, ge=1, le=100_000, description="Parallel deliveries before the bot calls setWebhook."
    )
    notify_url: str = Field(
        "", description="The gateway's /internal/notify, told of every change of a request's status; empty is nowhere."
    )

    flood_limits: bool = Field(True, description="Answer 429 over Telegram's sending limits.")
    traffic_rate: float = Field(0.0, ge=0, description="Conversations started a second; 0 is none.")
    traffic_users: int = Field(40, ge=1, le=999, description="Number of applicants (telegram ids 1001 and up).")
    ledger_size: int = Field(200_000, ge=1, description="Updates and effects remembered one by one; totals are exact.")
    otlp_endpoint: str = Field("", description="OTLP gRPC address for the backends' traces; empty is no tracing.")

    otlp_receiver_port: int = Field(0, ge=0, description="Port of an own OTLP receiver for the page; 0 is none.")
    otlp_forward_to: str = Field("", description="host:port of a Jaeger that gets what the receiver gets.")
    gateway_url: str = Field("", description="The gateway's address, for the page's metrics; empty is none.")
    gateway_pid_file: Path | None = Field(None, description="File with the gateway's process id, for the kill switch.")
    prometheus_url: str = Field(
        "", description="Prometheus' address, for the page's alerts and a cluster's numbers; empty is none."
    )
    alertmanager_url: str = Field("", description="Alertmanager's address, for a link of the page; empty is none.")
    jaeger_url: str = Field("", description="The address of Jaeger's pages, for links of the page; empty is none.")
    operator_file: Path | None = Field(
        None, description="File with the decisions of an operator that only watches, one JSON object a line."
    )
    namespace: str = Field("", description="Namespace of the cluster that it runs in; empty: on no cluster.")
    gateway_service: str = Field(
        "bot-gateway", description="The gateway's Service on that cluster, by which Prometheus knows its replicas."
    )
    remediations_namespace: str = Field(
        "",
        description="Namespace whose Remediation objects the page shows, read as the pod's account; empty: none.",
    )

    @property
    def bot_id(self) -> int:
        """The number before the colon of the bot token."""
        return int(self.bot_token.get_secret_value().partition(":")[0])
