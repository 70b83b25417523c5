"""Every command on the pages parses, and what it names exists; those that need neither cluster nor network are run."""

from __future__ import annotations

import re
import subprocess

import pytest

from pages.resolve import problems
from pages.shell import Block, Command, blocks, commands, simple_commands
from support.tools import ROOT, tool

COMMANDS = commands()
UNIQUE = list({(command.words, command.variables): command for command in COMMANDS}.values())
RUN = (
    ("remediator", "test"),
    ("remediator", "replay"),
    ("helm", "template", "bot-gateway"),
    ("python", "tests/game_day/run.py", "--list"),
)
"""The commands that are run as they stand on the page."""


SHOWN = re.compile(r"^(```)\n\$ (.+?)\n(.+?)\n```", re.MULTILINE | re.DOTALL)
"""A block with a prompt, the command after it, and its output."""


def is_run(command: Command) -> bool:
    words = (command.program, *command.words[1:])
    # `remediator test` in a sentence names the command and no file.
    return len(words) > 2 and any(words[: len(start)] == start for start in RUN)


def test_there_is_something_to_check() -> None:
    programs = {command.program for command in COMMANDS}
    assert {"make", "kubectl", "helm", "promtool", "remediator", "pytest", "python", "curl", "skaffold"} <= programs
    assert len(COMMANDS) > 300
    assert sum(map(is_run, COMMANDS)) >= 4


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"{block.page.name}: {block.text.splitlines()[0][:50]}")
def test_every_block_is_valid_shell(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", UNIQUE, ids=str)
def test_every_command_names_what_exists(command: Command) -> None:
    assert problems(command) == []


@pytest.mark.parametrize("target", sorted({w for c in COMMANDS if c.program == "make" for w in c.words[1:2]}))
def test_every_make_target_expands(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_test_of_the_pages_is_collected() -> None:
    words = {word for c in COMMANDS if "pytest" in c.words for word in c.words if word.startswith("tests/")}
    command = [
        ROOT / ".venv/bin/python",
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--collect-only",
        "-q",
        *sorted(words),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert [word for word in words if word not in done.stdout] == []


@pytest.mark.parametrize("command", [command for command in COMMANDS if is_run(command)], ids=str)
def test_a_command_that_needs_no_cluster_runs(command: Command) -> None:
    first = tool("helm") if command.program == "helm" else command.words[0]
    done = subprocess.run([first, *command.words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_readmes_replay_prints_what_the_readme_shows() -> None:
    (page, prompt, expected), *more = SHOWN.findall((ROOT / "README.md").read_text())
    assert (page, more) == ("```", [])
    done = subprocess.run(prompt, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip() == expected


def test_the_readme_quotes_the_operators_sentence_about_a_shared_failure() -> None:
    recording = "tests/recordings/game-day-backend-down.jsonl"
    command = [".venv/bin/remediator", "replay", "--policy", "examples/policy/restart.yaml", "--namespace", "bots"]
    done = subprocess.run([*command, "--recording", recording], cwd=ROOT, capture_output=True, text=True, check=True)
    (sentence,) = {line.partition("SharedFault: ")[2] for line in done.stdout.splitlines() if "SharedFault: " in line}
    assert f'`SharedFault`: "{sentence}"' in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("make no-such-target", "no target no-such-target"),
        ("make test NO_SUCH=1", "no variable NO_SUCH"),
        ("scripts/no-such-script", "does not exist"),
        (".venv/bin/remediator forget rem/x", "has no command forget"),
        (".venv/bin/remediator test --fast p.yaml", "has no option --fast"),
        ("bot-gateway dead-letters list --all-of-them", "has no option --all-of-them"),
        ("pytest tests/unit/no_such_test.py", "does not exist"),
        ("promtool query instant http://localhost:9090 'sum(rate('", "PromQL"),
        ("skaffold run -p no-such-profile", "no profile"),
        ("NO_SUCH_VARIABLE=1 pytest tests/unit", "nothing reads"),
        ("frobnicate --now", "no known program"),
    ],
)
def test_a_wrong_command_is_found(text: str, complaint: str) -> None:
    (command,) = simple_commands(ROOT / "README.md", text)
    assert any(complaint in problem for problem in problems(command)), problems(command)


def test_a_wrong_option_of_kubectl_is_found() -> None:
    tool("kubectl")
    (command,) = simple_commands(ROOT / "README.md", "kubectl -n a get pods --sort-upside-down")
    assert problems(command) == ["kubectl get has no option --sort-upside-down"]
