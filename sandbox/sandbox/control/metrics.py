"""The sandbox's own metrics, read from the ledger at each scrape."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sandbox.ledger import Ledger
from sandbox.telegram.simulator import Simulator


class _LedgerCollector(Collector):
    def __init__(self, ledger: Ledger, simulator: Simulator) -> None:
        self._ledger = ledger
        self._telegram = simulator

    def collect(self) -> Iterator[Metric]:
        summary = self._ledger.summary()
        for part in ("updates", "sends", "backend"):
            family = CounterMetricFamily(f"sandbox_{part}", f"The ledger's totals of {part}.", labels=["event"])
            for event, count in summary[part].items():
                if event != "open":
                    family.add_metric([event], count)
            yield family
        yield GaugeMetricFamily(
            "sandbox_updates_pending", "Updates the bot has not handled yet.", value=self._telegram.queues.pending
        )


def simulator_registry(ledger: Ledger, simulator: Simulator) -> CollectorRegistry:
    """Return a registry with the ledger's totals."""
    registry = CollectorRegistry()
    registry.register(_LedgerCollector(ledger, simulator))
    return registry
