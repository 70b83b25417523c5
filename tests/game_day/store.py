"""The data of the runs: one JSON file per fault, with every pair."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from game_day.model import Pair

RESULTS = Path(__file__).parent / "results"
_PAIRS = TypeAdapter(list[Pair])


def load(name: str) -> list[Pair]:
    """Every pair of a fault, oldest first; empty if it was not run."""
    path = RESULTS / f"{name}.json"
    return _PAIRS.validate_json(path.read_bytes()) if path.exists() else []


def add(name: str, pair: Pair) -> None:
    """Keep one more pair of a fault."""
    RESULTS.mkdir(exist_ok=True)
    pairs = [asdict(each) for each in [*load(name), pair]]
    (RESULTS / f"{name}.json").write_text(_compact(pairs) + "\n")


def _compact(pairs: list[dict[str, object]]) -> str:
    """JSON that diffs by run and by field, without a line for every number."""
    lines = []
    for pair in pairs:
        sides = []
        for side, run in pair.items():
            assert isinstance(run, dict)
            fields = ",\n".join(
                f"   {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in run.items()
            )
            sides.append(f"  {json.dumps(side)}: {{\n{fields}\n  }}")
        lines.append(" {\n" + ",\n".join(sides) + "\n }")
    return "[\n" + ",\n".join(lines) + "\n]"
