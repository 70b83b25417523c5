"""Every alert, played by promtool: it fires at its threshold and time, resolves, and keeps still otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rules import cases_more, cases_operator, cases_seed, cases_slo
from rules.promtool import Case, play

CASES = (*cases_seed.CASES, *cases_more.CASES, *cases_operator.CASES, *cases_slo.CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_alert_goes_as_told(case: Case, rule_groups: list[dict[str, Any]], tmp_path: Path) -> None:
    play(case, rule_groups, tmp_path)


def test_every_alert_has_cases_that_fire_and_cases_that_do_not(alert_rules: dict[str, dict[str, Any]]) -> None:
    fires = {case.alert for case in CASES if any(case.firing.values())}
    silent = {case.alert for case in CASES if not all(case.firing.values())}
    told = {case.alert for case in CASES if case.message}
    assert fires == set(alert_rules)
    assert told == set(alert_rules)
    assert silent == set(alert_rules) - {"Watchdog"}
