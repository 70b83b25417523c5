"""One fault on one lane: the same moment, the same traffic, without and with the operator's hand."""

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

from game_day.fault import Fault
from game_day.hand import Hand
from game_day.lane import Lane
from game_day.measure import BEFORE_SECONDS, measure
from game_day.model import Pair, Run
from game_day.release import REPLICAS, Release, wait_for
from game_day.scene import Scene

RATE = 0.5
"""Conversations that begin each second, in each release."""
AFTER_SECONDS = 30
"""Traffic goes on for so long after the fault is undone."""
RECORDING_INTERVAL_SECONDS = 5


def reset(lane: Lane) -> None:
    """Make the lane whole and quiet, and give the operator a clean slate."""
    for release in lane.releases:
        release.control("DELETE", "/faults")
        release.control("POST", "/traffic", rate=0)
        release.cluster.patch(f"{release.deployment_path}/scale", {"spec": {"replicas": REPLICAS}})
    for release in lane.releases:
        wait_for(f"{release.namespace} whole", release.is_whole, seconds=300)
        wait_for(f"{release.namespace} quiet", release.is_quiet, seconds=240)
    # Breakers close by a call that succeeds, so people have to write again.
    for release in lane.releases:
        release.control("POST", "/traffic", rate=RATE)
    wait_for(f"no alert in lane {lane.name}", lane.no_alerts, seconds=300, every=5)
    wait_for(f"every target of lane {lane.name} up", lane.all_targets_up, seconds=180, every=5)
    for release in lane.releases:
        release.delete_remediations()
        release.control("POST", "/traffic", rate=0)
    for release in lane.releases:
        wait_for(f"{release.namespace} quiet", release.is_quiet, seconds=120)
        release.control("DELETE", "/ledger")


def play(fault: Fault, lane: Lane, hand: Hand, image_tag: str, recordings: Path) -> Pair:
    """Play a fault on both releases of a lane at once and return what was measured."""
    print(f"{fault.name}: lane {lane.name} is made ready", flush=True)
    reset(lane)
    with ExitStack() as stack:
        for release in lane.releases:
            # What a trial could see: an action would change the world before the next line, and replay acts on lines.
            if release.mode == "DryRun":
                stack.enter_context(recorded(lane, release, recordings / f"{fault.name}.jsonl"))
            release.control("POST", "/traffic", rate=RATE)
        time.sleep(BEFORE_SECONDS)
        barrier = threading.Barrier(len(lane.releases))
        with ThreadPoolExecutor(len(lane.releases)) as pool:
            runs = pool.map(
                lambda release: _one(fault, Scene(lane, release, hand, image_tag), barrier),
                lane.releases,
            )
            by_mode = {run.mode: run for run in runs}
    return Pair(by_mode["DryRun"], by_mode["Enforce"])


def _one(fault: Fault, scene: Scene, barrier: threading.Barrier) -> Run:
    pods = scene.release.pods()
    before, restarts = {pod.uid: pod.name for pod in pods}, sum(pod.restarts for pod in pods)
    barrier.wait()
    scene.started = time.time()
    fault.story(scene)
    time.sleep(AFTER_SECONDS)
    ended = time.time()
    scene.release.control("POST", "/traffic", rate=0)
    wait_for(f"{scene.release.namespace} quiet", scene.release.is_quiet, seconds=240)
    run = measure(scene, ended, before, restarts)
    return replace(run, fault=fault.name)


@contextmanager
def recorded(lane: Lane, release: Release, to: Path) -> Iterator[None]:
    """Let `remediator record` write down what the operator could see."""
    to.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "remediator", "record", "--alertmanager", lane.alertmanager_url),
        *("--prometheus", lane.prometheus_url, "-n", release.namespace, "--target", "Deployment/bot-gateway"),
        *("--interval", str(RECORDING_INTERVAL_SECONDS), "--output", str(to)),
    ]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()
