"""``python -m remediator replay``: what a policy would have done, when, and why."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from remediator.api.names import POLICY_KIND
from remediator.api.policy import Policy
from remediator.replay.engine import Replay
from remediator.replay.output import as_json, as_text
from remediator.replay.recording import RecordingError, read_recording


class PolicyFileError(Exception):
    """A policy file cannot be used; the message is one line for a person."""


def main(argv: Sequence[str]) -> int:
    """Replay a recording; stdout holds the decisions only. Return 0 whatever was decided, 2 for unusable files."""
    arguments = _parser().parse_args(argv)
    try:
        policy = load_policy(arguments.policy, arguments.namespace)
        with arguments.recording.open(encoding="utf-8") as recording:
            for line in Replay(policy).run(read_recording(recording)):
                print(as_json(line) if arguments.output == "json" else as_text(line))
    except (OSError, UnicodeDecodeError, PolicyFileError, RecordingError) as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2
    return 0


def load_policy(path: Path, namespace: str = "") -> Policy:
    """Read the one RemediationPolicy of a YAML file, which may hold other objects too.

    ``namespace`` is the policy's where the file does not say, as in what ``helm template`` prints.

    Raises:
        PolicyFileError: there is none, there are several, or it is not valid.
        OSError: the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            documents = [item for item in yaml.safe_load_all(file) if isinstance(item, dict)]
    except yaml.YAMLError as error:
        raise PolicyFileError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    policies = [document for document in documents if document.get("kind") == POLICY_KIND]
    if len(policies) != 1:
        raise PolicyFileError(f"{path} holds {len(policies)} objects of kind {POLICY_KIND}, not one")
    policy = read_policy(policies[0], str(path))
    return policy if policy.namespace else policy.model_copy(update={"namespace": namespace})


def read_policy(body: dict[str, object], where: str) -> Policy:
    """Read a policy from an object of a file.

    Raises:
        PolicyFileError: it is not valid; the message names the first wrong field.
    """
    try:
        return Policy.from_object(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise PolicyFileError(f"{where}: {field}: {first['msg'].removeprefix('Value error, ')}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="remediator replay", description="Show what a policy would have done with a recorded history."
    )
    parser.add_argument("--policy", type=Path, required=True, help="YAML file with a RemediationPolicy")
    parser.add_argument("--recording", type=Path, required=True, help="JSON Lines, one observation a line")
    parser.add_argument("--namespace", default="", help="the policy's namespace, where its file does not say")
    parser.add_argument("--output", choices=["json", "text"], default="text", help="how decisions are printed")
    return parser
