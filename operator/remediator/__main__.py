"""``python -m remediator``: run the operator, or look at policies and incidents without one."""

import argparse
import sys
from collections.abc import Callable, Sequence


def _run(_arguments: Sequence[str]) -> int:
    from remediator.runtime import main as command

    return command()


def _replay(arguments: Sequence[str]) -> int:
    from remediator.replay.cli import main as command

    return command(arguments)


def _record(arguments: Sequence[str]) -> int:
    from remediator.record import main as command

    return command(arguments)


def _explain(arguments: Sequence[str]) -> int:
    from remediator.explain import main as command

    return command(arguments)


def _summary(arguments: Sequence[str]) -> int:
    from remediator.summary import main as command

    return command(arguments)


def _test(arguments: Sequence[str]) -> int:
    from remediator.policy_test.cli import main as command

    return command(arguments)


def _simulate(arguments: Sequence[str]) -> int:
    from remediator.simulate.cli import main as command

    return command(arguments)


_COMMANDS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "run": (_run, "run the operator (settings come from the environment)"),
    "replay": (_replay, "show what a policy would have done with a recording"),
    "record": (_record, "write a recording from a live Alertmanager and cluster"),
    "explain": (_explain, "describe one incident"),
    "summary": (_summary, "tell what was done since last evening, over all incidents"),
    "test": (_test, "run unit tests of a policy"),
    "simulate": (_simulate, "judge a policy by thousands of incidents with a known truth"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; each imports only what it needs."""
    parser = argparse.ArgumentParser(prog="remediator", description=__doc__)
    parser.add_argument(
        "command", choices=sorted(_COMMANDS), help="; ".join(f"{n}: {h}" for n, (_, h) in _COMMANDS.items())
    )
    arguments = list(sys.argv[1:] if argv is None else argv)
    parsed = parser.parse_args(arguments[:1])
    command, _ = _COMMANDS[parsed.command]
    return command(arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
