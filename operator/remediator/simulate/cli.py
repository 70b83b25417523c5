"""``python -m remediator simulate``: what a policy would do in thousands of incidents with a known truth."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from remediator.api.policy import Policy
from remediator.replay.cli import PolicyFileError, load_policy
from remediator.simulate.batch import Batch, Result, run_batch
from remediator.simulate.report import as_table
from remediator.simulate.scenario import draw

MAX_WRITTEN = 10
"""Failing incidents that are made small and written: each needs some seconds."""
DEFAULT_POLICY = Policy.from_object(
    {
        "metadata": {"name": "default", "namespace": "bots"},
        "spec": {
            "mode": "Enforce",
            "targetRef": {"name": "bot-gateway"},
            "alerts": ['service="bot-gateway"', 'alertname=~"BackendOutlier|CircuitBreakerOpen"'],
        },
    }
)
"""The chart's default policy, which has the defaults of the API."""


def main(argv: Sequence[str]) -> int:
    """Simulate; return 0 where nothing harmful, false or silent happened, else 1, and 2 for unusable arguments."""
    arguments = _parser().parse_args(argv)
    low, _, high = arguments.replicas.partition("-")
    try:
        replicas = (int(low), int(high or low))
        policy = load_policy(arguments.policy, "bots") if arguments.policy else DEFAULT_POLICY
    except (OSError, UnicodeDecodeError, PolicyFileError, ValueError) as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 2
    if not 2 <= replicas[0] <= replicas[1] <= 100 or arguments.incidents < 1:
        print("simulate: --replicas is a range such as 2-12 within 2 to 100, --incidents at least 1", file=sys.stderr)
        return 2
    batch = Batch(policy, arguments.seed, arguments.incidents, replicas)
    result = run_batch(batch, workers=arguments.workers, progress=_progress(arguments.incidents))
    if arguments.output == "json":
        body = {
            "seed": batch.seed,
            "policy": policy.name,
            "total": result.total.as_json(),
            "failures": [row.as_json() for row in result.rows],
            "findings": result.findings,
        }
        print(json.dumps(body, indent=2))
    else:
        print(as_table(result))
        for finding in result.findings[:MAX_WRITTEN]:
            print(json.dumps(finding))
    if arguments.save:
        _save(batch, result, arguments.save)
    return 0 if result.sound else 1


def _save(batch: Batch, result: Result, folder: Path) -> None:
    """Write the incidents that must never happen, made small, as recordings."""
    # Imported only here: the format of recordings comes with the API server's client, which is slow to load.
    from remediator.simulate.minimise import minimise, write_recording

    folder.mkdir(parents=True, exist_ok=True)
    kinds = ("harmful", "false_success", "silent", "missed")
    failing = [(item, kind) for item in result.findings for kind in kinds if kind in item]
    for finding, kind in failing[:MAX_WRITTEN]:
        small = minimise(batch.policy, draw(batch.seed, finding["incident"], batch.replicas), kind)
        path = folder / f"simulated-{batch.seed}-{finding['incident']}-{kind.replace('_', '-')}.jsonl"
        write_recording(batch.policy, small, path)
        print(f"simulate: wrote {path}: {json.dumps(small.describe())}", file=sys.stderr)


def _progress(incidents: int) -> Callable[[int], None]:
    """Return what shows the progress on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None

    def show(done: int) -> None:
        end = "\n" if done == incidents else ""
        if end or done % 10 == 0:
            print(f"\r{done} of {incidents} incidents", end=end, file=sys.stderr, flush=True)

    return show


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="remediator simulate", description=__doc__)
    parser.add_argument("--policy", type=Path, help="YAML file with a RemediationPolicy; default: the chart's")
    parser.add_argument("--seed", type=int, default=1, help="which incidents are drawn")
    parser.add_argument("--incidents", type=int, default=1000, help="how many")
    parser.add_argument("--replicas", default="2-12", help="replicas of the target: a number or a range")
    parser.add_argument("--workers", type=int, default=None, help="processes; default: one per core")
    parser.add_argument("--output", choices=["json", "text"], default="text", help="how the result is printed")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write failing incidents there, made small")
    return parser
