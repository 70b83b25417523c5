"""Exchanges the replicas' views of the backends through Redis, and sets the metric of outliers.

Once per second each replica writes its own views and reads those of its peers, in one script. The entries are fields of
one hash, so a replica that is gone leaves nothing behind but a field that the next reader removes.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from typing import Any
from uuid import uuid4

import orjson
import structlog

from app.backends.breaker import BreakerState
from app.backends.outlier import OutlierDetector, OutlierPolicy, View
from app.core import metrics
from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Some missed publications of a busy replica are no sign of its end; five seconds without one are.
_LIVE_SECONDS = 5.0
# Bounds what one call reads. More replicas of one bot are beyond what a Bot API token can be used for.
_MAX_REPLICAS = 200


class ReplicaViews:
    """Publishes `views` under `address` (host:port, for people and peers). `clock` is monotonic."""

    def __init__(
        self,
        redis: ScriptRunner,
        base_key: str,
        views: Callable[[], Mapping[str, View]],
        *,
        address: str,
        policy: OutlierPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._key = f"{base_key}:views"
        self._views = views
        # Not the address: several replicas of a test may share one.
        self._replica = uuid4().hex[:12]
        self._address = address
        self._clock = clock
        script = files("app.backends").joinpath("scripts", "exchange_views.lua").read_text("utf-8")
        self._script = Script("views", script)
        self._detectors = {name: OutlierDetector(policy or OutlierPolicy()) for name in views()}
        self._gauges = {name: metrics.SERVICE_OUTLIER.labels(service_name=name) for name in self._detectors}
        self._set_unknown()

    async def exchange(self) -> None:
        """Publish, read the peers' views, set the metric. It is NaN while Redis cannot be read, which is raised as
        RedisUnavailableError.
        """
        own = self._views()
        live_ms = int(_LIVE_SECONDS * 1000)
        try:
            entries: list[Any] = await self._redis.run(
                self._script, (self._key,), self._replica, _encode(self._address, own), live_ms, _MAX_REPLICAS
            )
        except RedisUnavailableError:
            self._set_unknown()
            raise
        peers = [
            _decode(payload, float(age_ms) / 1000)
            for replica, age_ms, payload in zip(entries[::3], entries[1::3], entries[2::3], strict=True)
            if replica.decode() != self._replica
        ]
        now = self._clock()
        for name, detector in self._detectors.items():
            before = detector.is_outlier
            is_outlier = detector.update(own[name], [peer[name] for peer in peers if name in peer], now)
            self._gauges[name].set(is_outlier)
            if is_outlier is not before:
                log.warning("backend_outlier_changed", service_name=name, outlier=is_outlier, replicas=len(peers) + 1)

    def _set_unknown(self) -> None:
        for gauge in self._gauges.values():
            gauge.set(float("nan"))


def _encode(address: str, views: Mapping[str, View]) -> str:
    fields = {name: _fields(view) for name, view in views.items()}
    return orjson.dumps({"address": address, "backends": fields}).decode()


def _fields(view: View) -> list[float | None]:
    ages = (None if age is None else round(age, 3) for age in (view.success_age, view.failure_age))
    return [view.calls, view.failures, view.slow, view.failed_probes, *ages, int(view.breaker)]


def _decode(payload: bytes, age: float) -> dict[str, View]:
    """Return the views of an entry that was written `age` seconds ago; none of one that another release wrote."""
    try:
        backends = orjson.loads(payload)["backends"]
        return {name: _view(fields, age) for name, fields in backends.items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return {}


def _view(fields: Iterable[Any], age: float) -> View:
    calls, failures, slow, failed_probes, success_age, failure_age, breaker = fields
    return View(
        calls=int(calls),
        failures=int(failures),
        slow=int(slow),
        failed_probes=int(failed_probes),
        success_age=None if success_age is None else float(success_age) + age,
        failure_age=None if failure_age is None else float(failure_age) + age,
        breaker=BreakerState(breaker),
    )
