"""On the cluster: two bots in one namespace and on one Redis, and a third of the same name in another namespace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from support import prometheus
from support.charts import GATEWAY_CHART
from support.cluster import (
    ALERTMANAGER,
    IMAGES,
    MODEST,
    MONITORING,
    PROMETHEUS,
    helm,
    install_sandbox,
    namespace,
    objects,
)
from support.kubectl import kubectl, port_forward, wait_for
from support.tools import tool

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

SPACE, OTHER = "bot-gateway-two", "bot-gateway-two-other"


@dataclass(frozen=True)
class Bot:
    """One release with a sandbox of its own, since a sandbox is the Telegram of one bot."""

    release: str
    space: str
    sandbox: str
    token: str

    @property
    def fullname(self) -> str:
        return self.release if "bot-gateway" in self.release else f"{self.release}-bot-gateway"

    def install(self, *more: str) -> None:
        outside = (f"fullnameOverride={self.sandbox}", f"botToken={self.token}", "traffic.rate=1",
                   f"notifyUrl=http://{self.fullname}-internal:8001/internal/notify")  # fmt: skip
        install_sandbox(tool("helm"), self.space, "--set", ",".join(outside), release=self.sandbox)
        ports = {"auth": 8101, "request": 8102, "user": 8103, "shift": 8104}
        urls = [f"backends.{name}Url=http://{self.sandbox}:{port}" for name, port in ports.items()]
        inside = [
            f"telegram.token={self.token}",
            f"telegram.apiBase=http://{self.sandbox}:8081",
            "replicaCount=1",
            *urls,
        ]
        where = ("-n", self.space, "--skip-crds", "--wait", "--timeout", "5m", *IMAGES, *MODEST)
        chosen = ("--set", ",".join(inside), *more)
        helm(tool("helm"), "install", self.release, str(GATEWAY_CHART), *chosen, *where)


FIRST = Bot("bot-gateway", SPACE, "sandbox", "42:FIRST-TOKEN-FOR-THIS-TEST-ONLY-0000")
SECOND = Bot("second", SPACE, "second-sandbox", "43:SECOND-TOKEN-FOR-THIS-TEST-ONLY-000")
THIRD = Bot("bot-gateway", OTHER, "sandbox", "44:THIRD-TOKEN-FOR-THIS-TEST-ONLY-0000")
BOTS = (FIRST, SECOND, THIRD)
MAY_USE_REDIS = 'networkPolicy.redisFrom=[{"podSelector":{"matchLabels":{"app.kubernetes.io/instance":"second"}}}]'
ON_THE_FIRSTS_REDIS = ("--set", "redis.enabled=false,externalRedis.url=redis://:of-the-test@bot-gateway-redis:6379/0",
                       "--set", "monitoring.dashboards.enabled=false")  # fmt: skip


@pytest.fixture(scope="module")
def bots() -> Iterator[tuple[Bot, ...]]:
    with namespace(SPACE), namespace(OTHER):
        FIRST.install("--set-json", MAY_USE_REDIS, "--set", "redis.auth.password=of-the-test")
        SECOND.install(*ON_THE_FIRSTS_REDIS)
        THIRD.install()
        yield BOTS


def test_each_bot_serves_its_own_users_and_keeps_its_own_keys(bots: tuple[Bot, ...]) -> None:
    with ExitStack() as stack:
        controls = {bot: stack.enter_context(port_forward(bot.space, f"svc/{bot.sandbox}", 8082)) for bot in bots}

        def handled(bot: Bot) -> int:
            return int(httpx.get(f"{controls[bot]}/ledger", timeout=10).raise_for_status().json()["updates"]["handled"])

        wait_for("each bot's conversations", lambda: min(handled(bot) for bot in bots) >= 10 or None, seconds=240)
    keys = kubectl("exec", "-n", SPACE, "bot-gateway-redis-0", "--", "redis-cli", "--scan").split()
    owners = {
        bot: {key for key in keys if re.match(rf"{{?bg:{{?{bot.token.partition(':')[0]}\b", key)}
        for bot in (FIRST, SECOND)
    }
    assert all(owners.values())
    assert owners[FIRST] | owners[SECOND] == set(keys), set(keys) - owners[FIRST] - owners[SECOND]
    assert not owners[FIRST] & owners[SECOND]


def test_each_is_scraped_once_and_its_rules_are_healthy(bots: tuple[Bot, ...]) -> None:
    with port_forward(MONITORING, f"svc/{PROMETHEUS}", 9090) as url:

        def targets() -> dict[tuple[str, str], int]:
            found = prometheus.query(url, f'count by (namespace, job) (up{{namespace=~"{SPACE}|{OTHER}"}} == 1)')
            return {(item["metric"]["namespace"], item["metric"]["job"]): int(item["value"][1]) for item in found}

        wanted = {(bot.space, name): 1 for bot in bots for name in (bot.fullname, f"{bot.fullname}-remediator")}
        wait_for("each target once", lambda: wanted.items() <= targets().items() or None, seconds=240)

        def groups() -> list[dict[str, Any]]:
            answer = httpx.get(f"{url}/api/v1/rules", timeout=20).raise_for_status().json()["data"]["groups"]
            return [group for group in answer if f"/{SPACE}-" in group["file"] or f"/{OTHER}-" in group["file"]]

        def healthy() -> bool:
            rules = [rule for group in groups() for rule in group["rules"]]
            return len({group["file"] for group in groups()}) == len(bots) and all(r["health"] == "ok" for r in rules)

        wait_for("healthy rules of each", lambda: healthy() or None, seconds=240)


def test_an_alert_goes_to_the_receivers_of_its_own_release(bots: tuple[Bot, ...]) -> None:
    with port_forward(MONITORING, f"svc/{ALERTMANAGER}", 9093) as url:

        def configured() -> bool:
            text = httpx.get(f"{url}/api/v2/status", timeout=10).raise_for_status().text
            return all(f"{bot.space}/{bot.fullname}-people/critical" in text for bot in bots)

        wait_for("the routes of all", lambda: configured() or None, seconds=240)
        ends = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()
        alerts = [
            {"labels": {"alertname": "TwoBots", "severity": "critical", "service": "bot-gateway",
                        "namespace": bot.space, "gateway": bot.fullname}, "endsAt": ends}
            for bot in bots
        ]  # fmt: skip
        httpx.post(f"{url}/api/v2/alerts", json=alerts, timeout=10).raise_for_status()
        for bot in bots:
            (held,) = prometheus.alerts(url, alertname="TwoBots", namespace=bot.space, gateway=bot.fullname)
            assert {receiver["name"] for receiver in held["receivers"]} == {
                f"{bot.space}/{bot.fullname}-people/critical",
                f"{bot.space}/{bot.fullname}-remediator/remediator",
            }


def test_removing_the_second_does_not_change_the_first(bots: tuple[Bot, ...]) -> None:
    def of_first() -> set[str]:
        return {name for name in objects(SPACE) if "second" not in name and not name.startswith("pod/")}

    before = of_first()
    helm(tool("helm"), "uninstall", "second", "-n", SPACE, "--wait")
    assert of_first() == before
    kubectl("rollout", "status", "-n", SPACE, "deployment/bot-gateway", "--timeout=30s")
