"""Simulated incidents: repeatable, judged apart from deciding, and able to tell a bad decider from a good one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remediator.documentation import with_tables
from remediator.loop import Decider
from remediator.replay.engine import Replay
from remediator.replay.recording import read_recording
from remediator.simulate.batch import Batch, run_batch
from remediator.simulate.cli import DEFAULT_POLICY, main
from remediator.simulate.incident import Incident
from remediator.simulate.minimise import minimise, write_recording
from remediator.simulate.report import TABLES
from remediator.simulate.scenario import CURABLE, Failure, draw
from support.mutants import MUTANTS, Mutant, acts_at_once, does_nothing, first_noticed, settles_only

NEVER = ("harmful", "false_success", "silent", "missed")
SEED = 20260105
"""Of the incidents by which each mutant must be noticed."""


def test_the_same_seed_is_the_same_incidents_whatever_the_number_of_processes() -> None:
    one = run_batch(Batch(DEFAULT_POLICY, seed=3, incidents=6), workers=1)
    two = run_batch(Batch(DEFAULT_POLICY, seed=3, incidents=6), workers=2)
    assert one == two
    assert draw(3, 0) != draw(4, 0)


def test_the_default_policy_does_nothing_that_must_never_happen() -> None:
    result = run_batch(Batch(DEFAULT_POLICY, seed=1, incidents=25), workers=1)
    wrong = [item for item in result.findings if any(kind in item for kind in NEVER)]
    assert wrong == []
    assert result.total.actions > 10


def test_a_failure_of_single_pods_is_repaired_where_nothing_is_in_the_way() -> None:
    clean = [item for item in (draw(1, index) for index in range(400)) if item.failure in CURABLE and not item.troubles]
    for scenario in clean[:4]:
        verdict = Incident(DEFAULT_POLICY, scenario).run()
        assert not verdict.missed
        if 2 * len(scenario.victims) <= scenario.replicas:
            assert verdict.repaired
            assert verdict.acted_after is not None
            assert verdict.acted_after <= 150


def test_a_shared_outage_restarts_nothing() -> None:
    outages = [item for item in (draw(1, index) for index in range(300)) if item.failure is Failure.SHARED_OUTAGE]
    assert len(outages) > 10
    assert [Incident(DEFAULT_POLICY, scenario).run().actions for scenario in outages[:3]] == [0] * 3


def test_a_decider_that_does_nothing_repairs_nothing() -> None:
    clean = [item for item in (draw(1, index) for index in range(400)) if item.failure in CURABLE and not item.troubles]
    minority = [item for item in clean if len(item.victims) <= min(3, item.replicas // 2)]
    for scenario in minority[:3]:
        verdict = Incident(DEFAULT_POLICY, scenario, does_nothing).run()
        assert verdict.missed
        assert verdict.silent


@pytest.mark.parametrize("decider", [acts_at_once, settles_only])
def test_a_decider_that_only_looks_at_the_alert_does_harm_and_calls_it_a_success(decider: Decider) -> None:
    incidents = [draw(SEED, index) for index in range(300)]
    outages = [item for item in incidents if item.failure is Failure.SHARED_OUTAGE and not item.troubles]
    assert all(Incident(DEFAULT_POLICY, item, decider).run().harmful for item in outages[:2])
    crashes = [item for item in incidents if item.failure is Failure.BAD_IMAGE and not item.troubles]
    assert all(Incident(DEFAULT_POLICY, item, decider).run().false_success for item in crashes[:2])


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_decider_that_lacks_one_condition_is_noticed(mutant: Mutant) -> None:
    assert first_noticed(mutant, SEED, 2000, NEVER) is not None


def test_the_page_has_the_tables_of_the_code() -> None:
    page = Path(__file__).parents[4] / "docs/simulation.md"
    assert with_tables(page.read_text(encoding="utf-8"), TABLES) == page.read_text(encoding="utf-8")


def test_a_failing_incident_is_made_small_and_becomes_a_recording(tmp_path: Path) -> None:
    decider = acts_at_once
    scenario = next(
        item
        for item in (draw(5, index) for index in range(100))
        if item.failure is Failure.SHARED_OUTAGE
        and item.troubles
        and Incident(DEFAULT_POLICY, item, decider).run().harmful
    )
    small = minimise(DEFAULT_POLICY, scenario, "harmful", decider)
    assert Incident(DEFAULT_POLICY, small, decider).run().harmful
    assert (len(small.troubles), small.replicas) < (len(scenario.troubles), scenario.replicas)
    path = tmp_path / "small.jsonl"
    write_recording(DEFAULT_POLICY, small, path, decider)
    with path.open(encoding="utf-8") as recording:
        lines = list(Replay(DEFAULT_POLICY).run(read_recording(recording)))
    assert "AlertFiring" in {line.reason for line in lines}


def test_the_command_prints_json_and_its_exit_code_says_whether_the_policy_is_sound(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--seed", "2", "--incidents", "5", "--workers", "1", "--replicas", "3", "--output", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["seed"], printed["total"]["incidents"]) == (2, 5)
    assert sum(row["incidents"] for row in printed["failures"]) == 5


@pytest.mark.parametrize(
    "arguments", [["--replicas", "x"], ["--replicas", "1"], ["--incidents", "0"], ["--policy", "/no"]]
)
def test_unusable_arguments_are_one_line_on_stderr(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
