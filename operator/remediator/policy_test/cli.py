"""``python -m remediator test``: run the unit tests of policies."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from remediator.api.policy import Policy
from remediator.policy_test.document import PolicyTestFileError, load_test_file
from remediator.policy_test.runner import run_test
from remediator.replay.cli import PolicyFileError, load_policy


def main(argv: Sequence[str]) -> int:
    """Run test files. Return 0 where all pass, 1 where one does not, 2 where a file cannot be used."""
    arguments = _parser().parse_args(argv)
    failed = 0
    try:
        policy = load_policy(arguments.policy, arguments.namespace) if arguments.policy else None
        for path in arguments.files:
            failed += _run_file(path, policy)
    except (OSError, UnicodeDecodeError, PolicyFileError, PolicyTestFileError) as error:
        print(f"test: {error}", file=sys.stderr)
        return 2
    return 1 if failed else 0


def _run_file(path: Path, instead: Policy | None) -> int:
    policy, file = load_test_file(path)
    policy = instead or policy
    failed = 0
    for test in file.tests:
        failures = run_test(policy, test)
        print(f"{'FAIL' if failures else 'ok  '}  {path.name}: {test.name}")
        for failure in failures:
            print(f"      {failure}")
        failed += bool(failures)
    return failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="remediator test", description="Run the unit tests of a policy.")
    parser.add_argument("files", type=Path, nargs="+", metavar="p_test.yaml", help="policy test files")
    parser.add_argument("--policy", type=Path, help="test this policy instead of the one that the files name")
    parser.add_argument("--namespace", default="", help="the namespace of --policy, where its file does not say")
    return parser
