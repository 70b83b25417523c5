"""The demo's settings: ports, and the environments of the processes it starts."""

from collections.abc import Collection
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sandbox.settings import Settings

DEMO_PORTS = ("gateway_port", "control_port")
SANDBOX_PORTS = ("telegram_port", "auth_port", "request_port", "user_port", "shift_port")
MONITORING_PORTS = ("prometheus_port", "alertmanager_port", "jaeger_port", "otlp_port")
PORTS = (*DEMO_PORTS, *SANDBOX_PORTS, *MONITORING_PORTS)
"""In the order in which DEMO_PORT_BASE numbers them."""


class DemoSettings(BaseSettings):
    """Settings of the demo (prefix ``DEMO_``); the sandbox's settings apply as well."""

    model_config = SettingsConfigDict(env_prefix="DEMO_", frozen=True)

    port_base: int = Field(
        0,
        ge=0,
        le=65_000,
        description=f"First of {len(PORTS)} ports in a row, for everything; 0: the usual ports.",
    )
    gateway_port: int = Field(8000, description="Port of the gateway.")
    control_port: int = Field(
        8080, validation_alias="SANDBOX_CONTROL_PORT", description="Port of the page and the control API."
    )
    monitoring: bool = Field(True, description="Start Prometheus, Alertmanager and Jaeger if they are on PATH.")
    prometheus_port: int = Field(9090, description="Port of Prometheus.")
    alertmanager_port: int = Field(9093, description="Port of Alertmanager.")
    jaeger_port: int = Field(16686, description="Port of Jaeger's user interface.")
    otlp_port: int = Field(4317, description="Port where Jaeger receives spans, OTLP over gRPC.")
    traffic_rate: float = Field(0.2, ge=0, description="Conversations per second after the first one.")
    run_dir: Path = Field(Path(".run"), description="With DEMO_PORT_BASE .run/BASE. Directory for the processes' logs.")
    ready_timeout_seconds: float = Field(60, gt=0, description="Timeout for the start of a process.")

    @property
    def gateway_pid_file(self) -> Path:
        """File with the gateway's process id, for the page's kill switch."""
        return self.run_dir / "gateway.pid"


def with_port_base(demo: DemoSettings, sandbox: Settings) -> tuple[DemoSettings, Settings]:
    """Move the ports, and the folder of the processes, to where DEMO_PORT_BASE says, unless they are set themselves."""
    if not demo.port_base:
        return demo, sandbox
    moved: dict[str, object] = {name: demo.port_base + index for index, name in enumerate(PORTS)}
    moved["run_dir"] = demo.run_dir / str(demo.port_base)
    return (
        demo.model_copy(update=_free_to_move(moved, DemoSettings.model_fields.keys() - demo.model_fields_set)),
        sandbox.model_copy(update=_free_to_move(moved, set(SANDBOX_PORTS) - sandbox.model_fields_set)),
    )


def _free_to_move(moved: dict[str, object], names: Collection[str]) -> dict[str, object]:
    return {name: value for name, value in moved.items() if name in names}


def settings_help() -> str:
    """Return the demo's environment variables with their defaults, one per line."""
    lines = [
        f"  {field.validation_alias or f'DEMO_{name.upper()}'}={field.default}  {field.description}"
        for name, field in DemoSettings.model_fields.items()
    ]
    return "\n".join(["environment variables:", *lines])


def sandbox_environment(demo: DemoSettings, sandbox: Settings, otlp_port: int, views: dict[str, str]) -> dict[str, str]:
    """Return the environment of the sandbox's process; ``views`` are further settings for the page's links."""
    return {
        "SANDBOX_HOST": "127.0.0.1",
        "SANDBOX_CONTROL_PORT": str(demo.control_port),
        "SANDBOX_TELEGRAM_PORT": str(sandbox.telegram_port),
        "SANDBOX_AUTH_PORT": str(sandbox.auth_port),
        "SANDBOX_REQUEST_PORT": str(sandbox.request_port),
        "SANDBOX_USER_PORT": str(sandbox.user_port),
        "SANDBOX_SHIFT_PORT": str(sandbox.shift_port),
        "SANDBOX_NOTIFY_URL": f"http://127.0.0.1:{demo.gateway_port}/internal/notify",
        "SANDBOX_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp_port}",
        "SANDBOX_TRAFFIC_RATE": "0",
        "SANDBOX_OTLP_RECEIVER_PORT": str(otlp_port),
        "SANDBOX_GATEWAY_URL": f"http://127.0.0.1:{demo.gateway_port}",
        "SANDBOX_GATEWAY_PID_FILE": str(demo.gateway_pid_file),
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        **views,
    }


def gateway_environment(demo: DemoSettings, sandbox: Settings, redis_url: str, otlp_port: int) -> dict[str, str]:
    """Return the environment of the gateway's process; no webhook secret, as in the README's commands."""
    return {
        "BOT_TOKEN": sandbox.bot_token.get_secret_value(),
        "TELEGRAM_API_BASE": f"http://127.0.0.1:{sandbox.telegram_port}",
        "UPDATE_MODE": "webhook",
        "WEBHOOK_URL": f"http://127.0.0.1:{demo.gateway_port}/webhook",
        "WEBHOOK_SECRET": "",
        "WEBHOOK_SECRET_PREVIOUS": "",
        "HOST": "127.0.0.1",
        "PORT": str(demo.gateway_port),
        "REDIS_URL": redis_url,
        "SERVICE_TOKEN": sandbox.service_token.get_secret_value(),
        "AUTH_SERVICE_URL": f"http://127.0.0.1:{sandbox.auth_port}",
        "REQUEST_SERVICE_URL": f"http://127.0.0.1:{sandbox.request_port}",
        "USER_SERVICE_URL": f"http://127.0.0.1:{sandbox.user_port}",
        "SHIFT_SERVICE_URL": f"http://127.0.0.1:{sandbox.shift_port}",
        "TRACING_ENABLED": "true",
        "JAEGER_HOST": "127.0.0.1",
        "JAEGER_PORT": str(otlp_port),
        "TRACING_SAMPLE_RATIO": "1",
        "SHUTDOWN_GRACE_SECONDS": "3",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
