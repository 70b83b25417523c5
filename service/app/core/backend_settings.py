"""The settings of calls to backends: each may be set for all backends, and for one by `BACKEND_<NAME>_…`."""

import os
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from app.core.closed_sets import Backend

Seconds = Annotated[float, Field(gt=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]


class BackendSettings(BaseModel):
    """Time-outs, retries, probes and circuit breaker of the calls to a backend."""

    model_config = ConfigDict(frozen=True)

    backend_timeout_seconds: Seconds = Field(15, description="Longest time for one call of a backend.")
    backend_connect_timeout_seconds: Seconds = Field(
        2, description="Longest time to open a connection to a backend; counts within the time for the call."
    )
    # Three attempts outlast a lost connection or the restart of one replica; more only add load to a failing backend.
    backend_retry_attempts: int = Field(
        3, ge=1, le=20, description="Most attempts of one call, the first included; 1: no retries."
    )
    backend_retry_wait_seconds: Seconds = Field(
        0.1,
        description="Wait before the first retry, twice as long before each further one; a random part is added.",
    )
    backend_retry_max_wait_seconds: Seconds = Field(2, description="Longest wait between two attempts.")
    slow_call_seconds: Seconds = Field(
        1, description="A backend call that takes this long is slow. Slow calls can make a replica an outlier."
    )
    slow_call_ratio: Ratio = Field(
        0, description="Share of slow calls that opens a breaker; 0: slow calls do not open it."
    )
    probe_interval_seconds: float = Field(
        1, ge=0, description="How often each replica probes each backend; 0: no probes."
    )
    probe_path: str = Field(
        "/healthz", pattern=r"^/", description="Path that probes and the trial calls of an open breaker request."
    )
    probe_timeout_seconds: Seconds = Field(1, description="Longest time for one probe.")
    breaker_window_seconds: Seconds = Field(30, description="Sliding window of a circuit breaker.")
    breaker_min_calls: int = Field(5, ge=1, description="Fewest calls in the window before a breaker may open.")
    breaker_failure_ratio: Ratio = Field(0.5, description="Share of failed calls that opens a breaker.")
    breaker_open_seconds: Seconds = Field(30, description="How long a breaker stays open before a trial call.")
    breaker_probe_timeout_seconds: Seconds = Field(15, description="Longest time for an open breaker's trial call.")


def variable_of_one(backend: str, field: str) -> str:
    """Return the variable that sets a field of BackendSettings for one backend, such as BACKEND_AUTH_PROBE_PATH."""
    return f"backend_{backend}_{field.removeprefix('backend_')}".upper()


class OverridesSource(PydanticBaseSettingsSource):
    """Reads `BACKEND_<NAME>_…` from the environment into the field `backend_overrides`."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base's
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        environment = {name.upper(): value for name, value in os.environ.items() if value}
        overrides: dict[str, dict[str, str]] = {}
        for backend in Backend:
            for field in BackendSettings.model_fields:
                value = environment.get(variable_of_one(backend, field))
                if value is not None:
                    overrides.setdefault(backend, {})[field] = value
        return {"backend_overrides": overrides} if overrides else {}
