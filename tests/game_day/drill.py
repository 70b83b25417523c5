"""One fault in one environment: injected into both releases at the same moment and under the same traffic."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from game_day.environment import Environment
from game_day.fault import Fault
from game_day.measure import BEFORE_SECONDS, measure
from game_day.model import Pair, Run
from game_day.node_agent import NodeAgent
from game_day.release import Release, wait_for
from game_day.scenario import Scenario

RATE = 0.5
"""Conversations that start per second, in each release."""
AFTER_SECONDS = 30
"""How long traffic continues after the fault is removed."""
RECORDING_INTERVAL_SECONDS = 5


def reset(environment: Environment, replicas: int) -> None:
    """Restore the number of replicas, wait until the environment is idle, and delete the operator's history."""
    for release in environment.releases:
        release.control("DELETE", "/faults")
        release.control("POST", "/traffic", rate=0)
        release.replicas = replicas
        release.api.patch(f"{release.deployment_path}/scale", {"spec": {"replicas": replicas}})
    for release in environment.releases:
        wait_for(f"{release.namespace} complete", release.is_complete, seconds=300)
        wait_for(f"{release.namespace} idle", release.is_idle, seconds=240)
    # A breaker closes after a call that succeeds, so there must be traffic again.
    for release in environment.releases:
        release.control("POST", "/traffic", rate=RATE)
    wait_for(f"no alert in environment {environment.name}", environment.no_alerts, seconds=300, every=5)
    wait_for(f"every target of environment {environment.name} up", environment.all_targets_up, seconds=180, every=5)
    for release in environment.releases:
        release.delete_remediations()
        release.control("POST", "/traffic", rate=0)
    for release in environment.releases:
        wait_for(f"{release.namespace} idle", release.is_idle, seconds=120)
        release.control("DELETE", "/ledger")


def play(fault: Fault, environment: Environment, node: NodeAgent, image_tag: str, recordings: Path) -> Pair:
    """Inject a fault into both releases of an environment at once and return the measurements."""
    print(f"{fault.name}: environment {environment.name} is prepared", flush=True)
    reset(environment, fault.replicas)
    with ExitStack() as stack:
        for release in environment.releases:
            # Only the dry run is recorded: an action would change the cluster before the next line of the recording.
            if release.mode == "DryRun":
                stack.enter_context(recorded(environment, release, recordings / f"{fault.name}.jsonl"))
            release.control("POST", "/traffic", rate=RATE)
        time.sleep(BEFORE_SECONDS)
        barrier = threading.Barrier(len(environment.releases))
        with ThreadPoolExecutor(len(environment.releases)) as pool:
            runs = pool.map(
                lambda release: _one(fault, Scenario(environment, release, node, image_tag), barrier),
                environment.releases,
            )
            by_mode = {run.mode: run for run in runs}
    return Pair(by_mode["DryRun"], by_mode["Enforce"])


def _one(fault: Fault, scenario: Scenario, barrier: threading.Barrier) -> Run:
    pods = scenario.release.pods()
    before, restarts = {pod.uid: pod.name for pod in pods}, sum(pod.restarts for pod in pods)
    barrier.wait()
    scenario.started = time.time()
    fault.inject(scenario)
    time.sleep(AFTER_SECONDS)
    ended = time.time()
    scenario.release.control("POST", "/traffic", rate=0)
    wait_for(f"{scenario.release.namespace} idle", scenario.release.is_idle, seconds=240)
    run = measure(scenario, ended, before, restarts)
    return replace(run, fault=fault.name)


@contextmanager
def recorded(environment: Environment, release: Release, to: Path) -> Iterator[None]:
    """Let `remediator record` write down what the operator can observe."""
    to.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "remediator", "record", "--alertmanager", environment.alertmanager_url),
        *("--prometheus", environment.prometheus_url, "-n", release.namespace, "--target", "Deployment/bot-gateway"),
        *("--interval", str(RECORDING_INTERVAL_SECONDS), "--output", str(to)),
    ]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()
