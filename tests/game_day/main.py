"""The game day: every fault with the operator in DryRun and in Enforce, side by side, measured from outside.

Usage: run.py [FAULT...] plays the named faults, or all, several at once in lanes of their own, on the cluster that
KUBECONFIG names; then writes docs/game-day.md. `--list` names the faults, `--report` only writes the page again.
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
from game_day.cluster import connected, kubectl
from game_day.drill import play
from game_day.fault import Fault
from game_day.faults import ALL, BY_NAME
from game_day.hand import Hand, install_hand, node_hand, remove_hand
from game_day.lane import ROOT, Lane
from game_day.recordings import keep
from game_day.verdict import defects


def main() -> int:
    """Play, measure, report; 1 where a fault could not be played, 2 where a name is wrong."""
    arguments = _arguments()
    if unknown := [name for name in arguments.faults if name not in BY_NAME]:
        print(f"game-day: no fault is called {', '.join(unknown)}; there are {', '.join(BY_NAME)}", file=sys.stderr)
        return 2
    if arguments.list:
        print("\n".join(f"{fault.name:20} {fault.title}" for fault in ALL))
        return 0
    failed = [] if arguments.report else _play([BY_NAME[name] for name in arguments.faults] or list(ALL), arguments)
    report.write()
    return 1 if failed else 0


def _play(faults: list[Fault], arguments: argparse.Namespace) -> list[str]:
    with connected() as cluster:
        lanes = [Lane(cluster, name) for name in arguments.lanes.split(",")]
        install_hand(f"bot-gateway:{arguments.tag}")
        try:
            if not arguments.installed:
                kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "charts/bot-gateway/crds"))
                for lane in lanes:
                    lane.install(arguments.tag)
            with node_hand() as hand:
                return _in_lanes(faults, lanes, hand, arguments)
        finally:
            if not arguments.keep:
                for lane in lanes:
                    lane.uninstall()
                remove_hand()


def _in_lanes(faults: list[Fault], lanes: list[Lane], hand: Hand, arguments: argparse.Namespace) -> list[str]:
    """Longest first, each lane takes the next fault when it is done; returns the names that could not be played."""
    waiting: queue.SimpleQueue[Fault] = queue.SimpleQueue()
    for fault in sorted(faults * arguments.runs, key=lambda fault: -fault.seconds):
        waiting.put(fault)
    failed: list[str] = []

    def work(lane: Lane) -> None:
        while not waiting.empty():
            fault = waiting.get()
            try:
                _play_one(fault, lane, hand, arguments.tag)
            except Exception:  # noqa: BLE001 - one fault that cannot be played must not end the others
                traceback.print_exc()
                failed.append(fault.name)

    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(work, lanes))
    return failed


def _play_one(fault: Fault, lane: Lane, hand: Hand, tag: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = play(fault, lane, hand, tag, Path(folder))
        store.add(fault.name, pair)
        keep(fault, Path(folder) / f"{fault.name}.jsonl", lane.releases[0].namespace)
    found = defects(pair)
    print(f"{fault.name}: {'; '.join(found) if found else 'as expected'}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", help="names of faults; none means all")
    parser.add_argument("--list", action="store_true", help="name the faults and stop")
    parser.add_argument(
        "--report", action="store_true", help="write the page from the data that is there, play nothing"
    )
    parser.add_argument("--runs", type=int, default=1, help="how often each fault is played")
    parser.add_argument("--lanes", default="a,b,c", help="names of the lanes; so many faults are played at once")
    parser.add_argument("--tag", default=os.environ.get("TAG", "dev"), help="tag of the three images")
    parser.add_argument("--installed", action="store_true", help="the lanes are installed already")
    parser.add_argument("--keep", action="store_true", help="leave the lanes installed")
    return parser.parse_args()
