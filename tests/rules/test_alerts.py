"""Every alert in promtool: it fires at its threshold after its duration, resolves, and stays silent otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rules import cases_availability, cases_causes, cases_gateway, cases_operator, cases_slo
from rules.promtool import Case, play

CASES = (*cases_gateway.CASES, *cases_availability.CASES, *cases_causes.CASES, *cases_operator.CASES, *cases_slo.CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_alert_fires_and_resolves_as_expected(
    case: Case, rule_groups: list[dict[str, Any]], tmp_path: Path
) -> None:
    play(case, rule_groups, tmp_path)


def test_every_alert_has_cases_that_fire_and_cases_that_do_not(alert_rules: dict[str, dict[str, Any]]) -> None:
    fires = {case.alert for case in CASES if any(case.firing.values())}
    silent = {case.alert for case in CASES if not all(case.firing.values())}
    described = {case.alert for case in CASES if case.message}
    assert fires == set(alert_rules)
    assert described == set(alert_rules)
    assert silent == set(alert_rules) - {"Watchdog"}
