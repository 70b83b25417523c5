"""Writes docs/game-day.md from the data of the runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

from game_day import pictures, store
from game_day.expectations import EXPECTED, Expectation
from game_day.fault import Fault
from game_day.faults import ALL
from game_day.measure import BIN_SECONDS, LATE_SECONDS
from game_day.model import Pair, Run
from game_day.verdict import defects, recovery_seconds, taken

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/game-day.md"
REMOVAL_SECONDS = 3 * BIN_SECONDS
"""A recovery at most this long before the fault was removed counts as caused by the removal."""
NOTES = Path(__file__).parent / "notes.md"
"""Written by hand: the limits of the runs, and the defects that were found."""

INTRODUCTION = f"""\
# Game day

Measures what the operator changes, fault by fault. Each fault was injected into two releases at the same moment and \
under the same traffic, one with the policy in DryRun and one in Enforce, and measured from outside. `make game-day` \
repeats all of it on the cluster that `KUBECONFIG` names, `make game-day FAULTS="cut-off redis-frozen"` some faults; \
`.venv/bin/python tests/game_day/run.py --list` lists the faults. `tests/game_day/results` holds the data of this page.

The gateway has two replicas, three where the fault says so; alerts, policy and guards are the product's defaults. \
Each release gets about two updates per second. The faults are real: signals, network rules and cgroup limits set on \
the node, failing backends, Prometheus and Alertmanager scaled to 0. The gateway has no code for the drill. Old \
Remediations are deleted before each fault, so the operator has no history.

An update is *affected* when it was handled later than {LATE_SECONDS:g} s after it was written, never, or with an \
error message ("this part of the service is not available"). Users have *recovered* at the end of the last \
{BIN_SECONDS} s with more than a few affected updates, but not before the operator's action, because a healthy moment \
by chance is not a recovery. Times are seconds since the fault was injected. In DryRun the fault lasts until the drill \
removes it; a real fault would last longer, so the gain shown here is a lower bound.

Messages of the operator are quoted as the version under test wrote them. Later versions word them differently; the \
reason codes are the same.
"""


def write() -> None:
    """Write the page and its pictures again."""
    played = {fault.name: pairs for fault in ALL if (pairs := store.load(fault.name))}
    parts = [INTRODUCTION, _headline(played), _table(played), _timeline(played), _helpless(played), _unplayed(played)]
    if NOTES.exists():
        parts.append(NOTES.read_text())
    parts += [_section(fault, played[fault.name]) for fault in ALL if fault.name in played]
    PAGE.write_text("\n".join(part.strip() + "\n" for part in parts if part))
    for fault in ALL:
        if fault.name in played:
            pictures.draw(fault, played[fault.name][-1])


def summary(played: dict[str, list[Pair]]) -> dict[str, float]:
    """The numbers of the headline, from every fault on which the operator can act."""
    able = {name: pairs for name, pairs in played.items() if EXPECTED[name].helps}
    sooner = {name: value for name, pairs in able.items() if (value := _sooner(pairs)) is not None}
    pairs = [pair for each in played.values() for pair in each]
    return {
        "faults": len(played),
        "able": len(able),
        "mended": sum(value > 0 for value in sooner.values()),
        "sooner": median(sooner.values()) if sooner else 0.0,
        "actions": sum(len(taken(pair.enforce)) for pair in pairs),
        "defective": sum(bool(defects(pair)) for pair in pairs),
        "runs": len(pairs),
        "lost": sum(run.users.lost for pair in pairs for run in (pair.dry_run, pair.enforce)),
    }


def _headline(played: dict[str, list[Pair]]) -> str:
    if not played:
        return "No fault has been run yet."
    numbers = summary(played)
    wrong = (
        "Every decision was as expected."
        if not numbers["defective"]
        else f"{numbers['defective']:.0f} runs differed from the expectation; they are marked below."
    )
    able = f"{numbers['able']:.0f} faults that the operator can act on"
    gain = (
        f"In {numbers['mended']:.0f} of the {able}, users were served again sooner with it, "
        f"by {numbers['sooner']:.0f} s in the median, before the drill removed the fault. "
        if numbers["mended"]
        else f"In none of the {able} were users measurably served again sooner. "
    )
    return (
        f"**{numbers['faults']:.0f} of {len(ALL)} faults were run in {numbers['runs']:.0f} paired runs. {gain}"
        f"The operator took {numbers['actions']:.0f} actions in all. {numbers['lost']:.0f} updates were lost.** {wrong}"
    )


def _table(played: dict[str, list[Pair]]) -> str:
    rows = [
        "## Without and with the operator",
        "",
        "Medians of the runs. D is DryRun, E is Enforce. "
        "In bold: users recovered only because the drill removed the fault.",
        "",
        "| fault | runs | expected | done | recovered D → E | affected updates D → E "
        "| users with an error message D → E | lost | as expected |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows += [_row(fault, played[fault.name]) for fault in ALL if fault.name in played]
    return "\n".join(rows)


def _row(fault: Fault, pairs: list[Pair]) -> str:
    found = [difference for pair in pairs for difference in defects(pair)]
    done = " / ".join(sorted({", ".join(taken(pair.enforce)) or "nothing" for pair in pairs}))
    lost = sum(run.users.lost for pair in pairs for run in (pair.dry_run, pair.enforce))
    cells = [
        f"[{fault.title}](#{fault.name})",
        str(len(pairs)),
        EXPECTED[fault.name].decision,
        done,
        " → ".join(_recovery(runs) for runs in _sides(pairs)),
        _both(pairs, lambda run: _share(run), _percent),
        _both(pairs, lambda run: float(run.users.people_with_error_message), _whole),
        str(lost),
        "yes" if not found else "**no**",
    ]
    return f"| {' | '.join(cells)} |"


def _timeline(played: dict[str, list[Pair]]) -> str:
    rows = [
        "## Timeline",
        "",
        "Medians of the Enforce runs. The decision is the first one after settling. "
        "Prometheus scrapes and evaluates every 15 s, so breaker and alert appear up to 15 s late.",
        "",
        "| fault | outlier | breaker open | alert | decision | action | recovered | fault removed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for fault in ALL:
        if pairs := played.get(fault.name):
            stage = [
                _over(pairs, read)
                for read in (
                    lambda run: run.timeline.outlier,
                    lambda run: run.timeline.breaker_open,
                    lambda run: run.timeline.alert,
                    lambda run: run.timeline.decision,
                    lambda run: run.timeline.action if taken(run) else None,
                    recovery_seconds,
                    lambda run: run.removed,
                )
            ]
            rows.append(f"| [{fault.title}](#{fault.name}) | {' | '.join(_moment(value) for value in stage)} |")
    return "\n".join(rows)


def _helpless(played: dict[str, list[Pair]]) -> str:
    rows = ["## Faults on which the operator cannot act", ""]
    for fault in ALL:
        expected = EXPECTED[fault.name]
        if not expected.helps and fault.name in played:
            rows.append(f"- **{fault.title}.** {_capital(expected.why)}. Reason given: {_said(played[fault.name])}")
    return "\n".join(rows)


def _unplayed(played: dict[str, list[Pair]]) -> str:
    missing = [fault for fault in ALL if fault.name not in played]
    if not missing:
        return ""
    return "\n".join(["## Not run", "", *(f"- {fault.title}: {fault.how}." for fault in missing)])


def _section(fault: Fault, pairs: list[Pair]) -> str:
    expected, last = EXPECTED[fault.name], pairs[-1]
    lines = [
        f'<a id="{fault.name}"></a>',
        f"## {fault.title}",
        "",
        f"{_capital(fault.how)}.",
        "",
        f"Expected: {expected.decision}, because {_uncapital(expected.why)}.",
        "",
        f"![Timeline](pictures/game-day/{fault.name}.png)",
        "",
        f"Last run ({last.enforce.date} UTC):",
        "",
        *_told(last.enforce, expected),
    ]
    for number, pair in enumerate(pairs, 1):
        lines += [f"- **Run {number} differs:** {difference}." for difference in defects(pair)]
    return "\n".join(lines)


def _told(run: Run, expected: Expectation) -> list[str]:
    lines = [f"- {moment.at:.0f} s: {moment.note or moment.what}" for moment in run.moments if moment.what == "person"]
    seen = ""
    for decision in run.decisions:
        if decision.reason != seen:
            lines.append(f"- {decision.at:.0f} s, {decision.phase}, {decision.reason}: {decision.message}")
            seen = decision.reason
    if not run.decisions:
        lines.append("- No decision: no alert of the policy fired.")
    if run.container_restarts:
        lines.append(f"- Container restarts by Kubernetes: {run.container_restarts}.")
    if run.other_alerts:
        lines.append(f"- Other alerts that fired: {', '.join(run.other_alerts)}.")
    return lines


def _said(pairs: list[Pair]) -> str:
    messages = [decision for pair in pairs for decision in pair.enforce.decisions if decision.phase == "Gated"]
    if messages:
        return f"“{messages[0].message}” ({messages[0].reason})"
    if any(pair.enforce.decisions for pair in pairs):
        reasons = sorted({decision.reason for pair in pairs for decision in pair.enforce.decisions})
        return f"{', '.join(reasons)}."
    return "none, because no alert of the policy fired."


def _sooner(pairs: list[Pair]) -> float | None:
    """Median gain in seconds of the pairs with affected users on both sides; 0 if only the removal helped."""
    values = []
    for pair in pairs:
        without, with_it = recovery_seconds(pair.dry_run), recovery_seconds(pair.enforce)
        if without is not None and with_it is not None:
            mended = taken(pair.enforce) and with_it < pair.enforce.removed
            values.append(without - with_it if mended else min(0.0, without - with_it))
    return median(values) if values else None


def _share(run: Run) -> float:
    """Share of affected updates among those written from the fault to its end."""
    during = [entry for entry in run.bins if 0 <= entry.at <= run.removed]
    return sum(entry.affected for entry in during) / max(1, sum(entry.updates for entry in during))


def _sides(pairs: list[Pair]) -> tuple[list[Run], list[Run]]:
    return [pair.dry_run for pair in pairs], [pair.enforce for pair in pairs]


def _recovery(runs: list[Run]) -> str:
    """When users were served again; in bold if only because the drill removed the fault."""
    recovered = _median([recovery_seconds(run) for run in runs])
    if recovered is None:
        return "not affected"
    fault_removed = median(run.removed for run in runs)
    return f"**{recovered:.0f} s**" if recovered > fault_removed - REMOVAL_SECONDS else f"{recovered:.0f} s"


def _both(pairs: list[Pair], read: Callable[[Run], float | None], show: Callable[[float | None], str]) -> str:
    values = [[read(run) for run in runs] for runs in _sides(pairs)]
    return " → ".join(show(_median(each)) for each in values)


def _over(pairs: list[Pair], read: Callable[[Run], float | None]) -> float | None:
    return _median([read(pair.enforce) for pair in pairs])


def _median(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return median(there) if there else None


def _moment(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} s"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _uncapital(text: str) -> str:
    return text[0].lower() + text[1:]
