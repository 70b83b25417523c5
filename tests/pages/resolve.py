"""What can be told about a command without running it: whether its target, file, option, query or program exists."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from pages.shell import Command
from support.charts import GATEWAY_CHART
from support.tools import ROOT, run, tool

SHELL = {"grep", "tail", "head", "sed", "tr", "base64", "date", "openssl", "env", "redis-cli", "psql", "git", "sleep"}
"""Programs of the system or of an image; their words are not looked at."""
MADE_BY_THE_READER = ".venv-demo/"
WRITTEN_BY_THE_READER = {"values.yaml", "recording.jsonl"}
CONSOLE_SCRIPTS = {"remediator", "bot-gateway", "bot-sandbox"}


def problems(command: Command) -> list[str]:
    """Every reason for which the command cannot work as written."""
    check = CHECKS.get(command.program)
    words = list(command.words[1:])
    if command.words[0].startswith(MADE_BY_THE_READER):
        check = CHECKS.get(Path(command.program).name, lambda _: iter(()))
    if check is not None:
        found = list(check(words))
    elif "/" in command.words[0]:
        found = [] if (ROOT / command.words[0]).is_file() else [f"{command.words[0]} does not exist"]
    else:
        found = [] if command.program in SHELL else [f"{command.program} is no known program"]
    found += [f"{path} does not exist" for path in _paths(words) if not (ROOT / path).exists()]
    return found + [f"nothing reads {name}" for name in command.variables if not _is_read(name, words)]


def _paths(words: Sequence[str]) -> Iterator[str]:
    """The words that name a file of the repository: by their first folder, or by the option before them."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    for before, word in zip(["", *words], words, strict=False):
        path = word.partition("::")[0]
        if path in WRITTEN_BY_THE_READER or word.startswith(("http", "-")):
            continue
        if path.partition("/")[0] in folders or (before in {"-f", "--config", "--values"} and word != "-"):
            yield path


def _is_read(name: str, words: list[str]) -> bool:
    """Whether a variable is read somewhere: by the program that is run, the Makefile or the tests."""
    files = [ROOT / word for word in words if (ROOT / word).is_file()]
    folders = [ROOT / "tests", ROOT / "scripts", ROOT / "service", ROOT / "operator", ROOT / "sandbox"]
    files += [file for folder in folders for file in folder.rglob("*.py") if file.parent != Path(__file__).parent]
    return name in {"old", "new"} or any(name in file.read_text() for file in files)


@functools.cache
def _makefile() -> tuple[set[str], set[str]]:
    """The targets, and the variables that a caller may set."""
    text = (ROOT / "Makefile").read_text()
    targets = {name for line in re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE) for name in line.split()}
    variables = set(re.findall(r"^([A-Z_]+) *\??=", text, re.MULTILINE)) | set(re.findall(r"\$\(([A-Z_]+)\)", text))
    return targets, variables


def _make(words: list[str]) -> Iterator[str]:
    targets, variables = _makefile()
    for word in words:
        name, is_variable, _ = word.partition("=")
        if is_variable and name not in variables:
            yield f"the Makefile has no variable {name}"
        elif not is_variable and name not in targets:
            yield f"the Makefile has no target {name}"


def _options(program: str, subcommand: Sequence[str], words: Sequence[str], more: str = "") -> Iterator[str]:
    """Look for each option of a command in the help of its subcommand, and in `more`."""
    text = _help(program, *subcommand)
    name = " ".join([Path(program).name, *(Path(word).name for word in subcommand)])
    if not text:
        yield f"{name} has no help"
        return
    for option in (word.partition("=")[0] for word in words if word.startswith("-")):
        if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text + more):
            yield f"{name} has no option {option}"


def _subcommand(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a kubectl or helm command up to its arguments."""
    rest = list(words)
    while rest[:1] == ["-n"]:
        rest = rest[2:]
    depth = {"create": 3 if rest[1:2] == ["secret"] else 2, "rollout": 2, "auth": 2, "top": 2}.get(rest[0], 1)
    return tuple(rest[:depth])


def _kubectl(words: list[str]) -> Iterator[str]:
    inner: list[str] = []
    if "--" in words:
        position = words.index("--")
        words, inner = words[:position], words[position + 1 :]
    yield from _options(tool("kubectl"), _subcommand(words), words, _help(tool("kubectl"), "options", flag=""))
    if inner:
        yield from problems(Command(ROOT, tuple(inner)))
    for word in words:
        if word.startswith("jsonpath=") and word.count("{") != word.count("}"):
            yield f"unbalanced braces in {word}"


def _helm(words: list[str]) -> Iterator[str]:
    yield from _options(tool("helm"), _subcommand(words), words)
    values = yaml.safe_load((GATEWAY_CHART / "values.yaml").read_text())
    if "charts/bot-gateway" in words:
        for option, setting in itertools.pairwise(words):
            if option == "--set" and not _has(values, setting.partition("=")[0].split(".")):
                yield f"charts/bot-gateway has no value {setting}"


def _has(values: Any, keys: list[str]) -> bool:
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _kind(words: list[str]) -> Iterator[str]:
    if words[:2] not in (["create", "cluster"], ["delete", "cluster"], ["load", "docker-image"]):
        yield f"kind {' '.join(words[:2])} is not known here"


def _docker(words: list[str]) -> Iterator[str]:
    tag = re.search(r"^ARG BASE_IMAGE=(\S+)$", (ROOT / "service/Dockerfile").read_text(), re.MULTILINE)
    if words != ["buildx", "imagetools", "inspect", tag.group(1) if tag else ""]:
        yield f"docker {' '.join(words)} is not known here"


def _skaffold(words: list[str]) -> Iterator[str]:
    config = words[words.index("-f") + 1] if "-f" in words else "skaffold.yaml"
    profiles = {profile["name"] for profile in yaml.safe_load((ROOT / config).read_text()).get("profiles", [])}
    if "-p" in words and (profile := words[words.index("-p") + 1]) not in profiles:
        yield f"{config} has no profile {profile}"
    if words[0] not in {"run", "dev", "delete"}:
        yield f"skaffold {words[0]} is not known here"


def _console_script(name: str) -> Callable[[list[str]], Iterator[str]]:
    def check(words: list[str]) -> Iterator[str]:
        yield from _by_argparse([str(ROOT / ".venv/bin" / name)], words)

    return check


def _by_argparse(program: list[str], words: list[str]) -> Iterator[str]:
    """Follow the subcommands in the help of a program of ours, then look for the options."""
    subcommands: list[str] = []
    while choices := re.search(r"\{([a-z-]+(?:,[a-z-]+)+)\}", _help(*program, *subcommands)):
        word = words[len(subcommands)] if len(words) > len(subcommands) else ""
        if word.startswith("-") or not word:
            break
        if word not in choices.group(1).split(","):
            yield f"{' '.join([Path(program[-1]).name, *subcommands])} has no command {word}"
            return
        subcommands.append(word)
        if not words[len(subcommands) :]:
            return
    yield from _options(program[0], [*program[1:], *subcommands], words)


@functools.cache
def _help(*program: str, flag: str = "--help") -> str:
    done = run(*program, *([flag] if flag else []))
    return "" if done.returncode else done.stdout


def _python(words: list[str]) -> Iterator[str]:
    if words[0] == "-c":
        try:
            compile(words[1], "page", "exec")
        except SyntaxError as error:
            yield f"python: {error}"
    elif words[0] == "-m":
        if words[1] == "pytest":
            yield from _pytest(words[2:])
        elif importlib.util.find_spec(words[1]) is None:
            yield f"there is no module {words[1]}"
    elif (ROOT / words[0]).is_file():
        yield from _by_argparse([str(ROOT / ".venv/bin/python"), str(ROOT / words[0])], words[1:])


def _pytest(words: list[str]) -> Iterator[str]:
    if not any(word.startswith("tests/") for word in words):
        yield "pytest is given no tests"


def _promtool(words: list[str]) -> Iterator[str]:
    if words[:2] == ["query", "instant"]:
        yield from _promql(words[3])
    elif words[:2] not in (["check", "rules"], ["test", "rules"]):
        yield f"promtool {' '.join(words[:2])} is not known here"


def _promql(expression: str) -> Iterator[str]:
    try:
        promql_parser.parse(expression)
    except ValueError as error:
        yield f"PromQL: {error} in {expression}"


def _curl(words: list[str]) -> Iterator[str]:
    if not any(re.match(r"(https?://)?\S+:\d+/", word) for word in words):
        yield "curl is given no URL with a port and a path"
    for option, word in itertools.pairwise(words):
        if option == "-d":
            json.loads(word)
        if option == "--data-urlencode" and word.startswith("query="):
            yield from _promql(word.removeprefix("query="))


def _jq(words: list[str]) -> Iterator[str]:
    done = run(tool("jq"), "-n", *words)
    if done.returncode == 3:
        yield f"jq: {done.stderr.splitlines()[0]}"


CHECKS: dict[str, Callable[[list[str]], Iterator[str]]] = {
    "make": _make,
    "kubectl": _kubectl,
    "helm": _helm,
    # Its options are not looked at: no `kind` is asked for its help, for a wrong one might make a cluster.
    "kind": _kind,
    "docker": _docker,
    "skaffold": _skaffold,
    "python": _python,
    "python3": _python,
    "pytest": _pytest,
    "promtool": _promtool,
    "amtool": lambda words: iter([] if words[0] in {"check-config", "alert", "silence"} else [f"amtool {words[0]}"]),
    "curl": _curl,
    "jq": _jq,
    **{name: _console_script(name) for name in CONSOLE_SCRIPTS},
}
