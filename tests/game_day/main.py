"""The game day: every fault with the operator in DryRun and in Enforce, side by side, measured from outside.

Usage: run.py [FAULT...] runs the named faults, or all, on the cluster that KUBECONFIG names, several at once in
separate environments; then writes docs/game-day.md. `--list` names the faults, `--report` only writes the page.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from game_day import report, store
from game_day.api_server import connected, kubectl
from game_day.drill import play
from game_day.environment import ROOT, Environment
from game_day.fault import Fault
from game_day.faults import ALL, BY_NAME
from game_day.node_agent import NodeAgent, install_node_agent, node_agent, remove_node_agent
from game_day.recordings import keep
from game_day.verdict import defects


def main() -> int:
    """Run, measure, report; 1 if a fault could not be run, 2 if a name is wrong."""
    arguments = _arguments()
    if unknown := [name for name in arguments.faults if name not in BY_NAME]:
        print(f"game-day: unknown fault {', '.join(unknown)}; the faults are {', '.join(BY_NAME)}", file=sys.stderr)
        return 2
    if arguments.list:
        print("\n".join(f"{fault.name:20} {fault.title}" for fault in ALL))
        return 0
    failed = [] if arguments.report else _play([BY_NAME[name] for name in arguments.faults] or list(ALL), arguments)
    report.write()
    return 1 if failed else 0


def _play(faults: list[Fault], arguments: argparse.Namespace) -> list[str]:
    with connected() as api:
        environments = [Environment(api, name) for name in arguments.environments.split(",")]
        install_node_agent(f"bot-gateway:{arguments.tag}")
        try:
            if not arguments.installed:
                kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "charts/bot-gateway/crds"))
                for environment in environments:
                    environment.install(arguments.tag)
            with node_agent() as node:
                return _in_environments(faults, environments, node, arguments)
        finally:
            if not arguments.keep:
                for environment in environments:
                    environment.uninstall()
                remove_node_agent()


def _in_environments(
    faults: list[Fault], environments: list[Environment], node: NodeAgent, arguments: argparse.Namespace
) -> list[str]:
    """Run the longest first, each environment the next when it is free. Return the names that could not be run."""
    waiting: queue.SimpleQueue[Fault] = queue.SimpleQueue()
    for fault in sorted(faults * arguments.runs, key=lambda fault: -fault.seconds):
        waiting.put(fault)
    failed: list[str] = []

    def work(environment: Environment) -> None:
        while not waiting.empty():
            fault = waiting.get()
            try:
                _play_one(fault, environment, node, arguments.tag)
            except Exception:  # noqa: BLE001 - one fault that cannot be run must not stop the others
                traceback.print_exc()
                failed.append(fault.name)

    with ThreadPoolExecutor(len(environments)) as pool:
        list(pool.map(work, environments))
    return failed


def _play_one(fault: Fault, environment: Environment, node: NodeAgent, tag: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = play(fault, environment, node, tag, Path(folder))
        store.add(fault.name, pair)
        keep(fault, Path(folder) / f"{fault.name}.jsonl", environment.releases[0].namespace)
    found = defects(pair)
    print(f"{fault.name}: {'; '.join(found) if found else 'as expected'}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", help="names of faults; none means all")
    parser.add_argument("--list", action="store_true", help="name the faults and stop")
    parser.add_argument("--report", action="store_true", help="write the page from the stored data, run nothing")
    parser.add_argument("--runs", type=int, default=1, help="how often each fault is run")
    parser.add_argument("--environments", default="a,b,c", help="environments, each for one fault at a time")
    parser.add_argument("--tag", default=os.environ.get("TAG", "dev"), help="tag of the three images")
    parser.add_argument("--installed", action="store_true", help="the environments are installed already")
    parser.add_argument("--keep", action="store_true", help="leave the environments installed")
    return parser.parse_args()
