"""Compares a pair with its expectation; each difference is one sentence."""

from __future__ import annotations

from game_day.expectations import EXPECTED, Expectation
from game_day.model import Pair, Run

NOISE_RATIO = 1.25
NOISE_UPDATES = 15
"""Two releases never get the same traffic: up to so many more affected updates are noise."""


def taken(run: Run) -> list[str]:
    """The actions that the API server accepted, in order; none in DryRun."""
    return [step.action for step in run.steps if step.accepted is not None] if run.mode == "Enforce" else []


def recovery_seconds(run: Run) -> float | None:
    """Seconds until users were served again, not before the action; None without affected users and action."""
    action = run.timeline.action if taken(run) else None
    return max((moment for moment in (run.timeline.recovered, action) if moment is not None), default=None)


def defects(pair: Pair) -> list[str]:
    """Every difference between the pair and its expectation; empty if there is none."""
    expected = EXPECTED[pair.enforce.fault]
    return [*_fault(pair, expected), *_decision(pair.enforce, expected), *_dry_run(pair, expected), *_users(pair)]


def _fault(pair: Pair, expected: Expectation) -> list[str]:
    return [
        f"{run.mode}: the fault had no effect, no container was restarted"
        for run in _both(pair)
        if expected.restarts and not run.container_restarts
    ]


def _decision(run: Run, expected: Expectation) -> list[str]:
    found = []
    if (actions := taken(run)) != list(expected.actions):
        found.append(f"Enforce took {_listed(actions)}, expected {_listed(list(expected.actions))}")
    others = {pod for step in run.steps if step.action == "RestartPods" for pod in step.pods} - {run.victim}
    if expected.actions and others:
        found.append(f"restarted a pod that was not at fault: {', '.join(sorted(others))}")
    if early := [step.at for step in run.steps if step.at < expected.not_before]:
        found.append(f"acted after {early[0]:.0f} s, expected not before {expected.not_before:.0f} s")
    if missing := set(expected.reasons) - {decision.reason for decision in run.decisions}:
        found.append(f"never gave the reason {', '.join(sorted(missing))}")
    if not expected.actions and not expected.replaces and run.replaced_pods:
        found.append(f"pods were replaced: {', '.join(run.replaced_pods)}")
    return found


def _dry_run(pair: Pair, expected: Expectation) -> list[str]:
    found = []
    if pair.dry_run.replaced_pods and not expected.replaces:
        found.append(f"DryRun replaced {', '.join(pair.dry_run.replaced_pods)}")
    simulated, done = [[step.action for step in run.steps] for run in (pair.dry_run, pair.enforce)]
    if simulated[: len(done)] != done:
        found.append(f"DryRun would have taken {_listed(simulated)}, Enforce took {_listed(done)}")
    return found


def _users(pair: Pair) -> list[str]:
    found = [f"{run.mode} lost {run.users.lost} updates" for run in (pair.dry_run, pair.enforce) if run.users.lost]
    found += [
        f"{run.mode} did {run.users.repeated_writes} writes twice" for run in _both(pair) if run.users.repeated_writes
    ]
    without, with_it = pair.dry_run.users.affected, pair.enforce.users.affected
    if with_it > NOISE_RATIO * without + NOISE_UPDATES:
        found.append(f"Enforce was worse: {with_it} affected updates, DryRun {without}")
    return found


def _both(pair: Pair) -> tuple[Run, Run]:
    return pair.dry_run, pair.enforce


def _listed(actions: list[str]) -> str:
    return ", ".join(actions) or "nothing"
