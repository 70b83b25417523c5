"""The commands on the pages: fenced blocks of bash and console, and code in the text that begins with a program."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.tools import ROOT

IGNORED = {".venv", ".tools", ".cache", ".run", "node_modules", "dist", ".git"}
PROGRAMS = {
    *("make", "kubectl", "helm", "kind", "skaffold", "promtool", "amtool", "curl", "jq", "git", "docker"),
    *("remediator", "bot-gateway", "bot-sandbox", "python", "pytest"),
}
"""Code in the text that begins with one of these is a command. A `$` before a file's name is none."""
ABBREVIATED = re.compile(r"…|\.\.\.")
FENCE = re.compile(r"^( *)```(bash|console)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
SEPARATORS = {"|", "||", "&&", ";", "&", "(", ")"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    text: str


@dataclass(frozen=True)
class Command:
    """One simple command: its words, and the variables set for it."""

    page: Path
    words: tuple[str, ...]
    variables: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """The name of the program, without a folder in the environment."""
        return self.words[0].removeprefix(".venv/bin/")

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {' '.join(self.words)[:70]}"


def pages() -> list[Path]:
    """Every page of the repository but the changelog, whose commands are those of their time."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in IGNORED]
        found += [Path(folder) / name for name in files if name.endswith(".md") and name != "CHANGELOG.md"]
    return sorted(found)


def blocks() -> list[Block]:
    """Every fenced block of bash or console."""
    return [Block(page, text) for page in pages() for _, _, text in FENCE.findall(page.read_text())]


def commands() -> list[Command]:
    """Every command of the pages, each once a page."""
    found: dict[Command, None] = {}
    for block in blocks():
        found |= dict.fromkeys(simple_commands(block.page, block.text))
    for page in pages():
        text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        for code in CODE.findall(text):
            words = code.replace(r"\|", "|").split()
            words = words[next((i for i, word in enumerate(words) if not ASSIGNMENT.fullmatch(word)), 0) :]
            if len(words) > 1 and words[0].removeprefix(".venv/bin/") in PROGRAMS and not ABBREVIATED.search(code):
                found |= dict.fromkeys(simple_commands(page, code.replace(r"\|", "|")))
    return list(found)


def simple_commands(page: Path, text: str) -> Iterator[Command]:
    """Split shell text at its operators; the commands inside of `$(…)` come first."""
    text = text.replace("\\\n", " ")
    while inner := SUBSTITUTION.search(text):
        yield from simple_commands(page, inner.group(1))
        text = text[: inner.start()] + "SUBSTITUTED" + text[inner.end() :]
    words: list[str] = []
    for line in _logical_lines(text):
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
        lexer.whitespace_split = True
        for word in [*lexer, ";"]:
            if word not in SEPARATORS:
                words.append(word)
                continue
            if command := _command(page, words):
                yield command
            words = []


def _logical_lines(text: str) -> Iterator[str]:
    """Lines, joined where a quote goes over several."""
    line = ""
    for part in text.splitlines():
        line = f"{line}\n{part}" if line else part
        try:
            shlex.split(line, comments=True)
        except ValueError:
            continue
        yield line
        line = ""


def _command(page: Path, words: list[str]) -> Command | None:
    if words[:1] == ["do"]:
        words = words[1:]
    if not words or words[0] in {"for", "done"}:
        return None
    for mark in ("<", ">", ">>"):
        while mark in words:
            position = words.index(mark)
            words = words[:position] + words[position + 2 :]
    count = next((i for i, word in enumerate(words) if not ASSIGNMENT.fullmatch(word)), len(words))
    names = tuple(word.partition("=")[0] for word in words[:count])
    return Command(page, tuple(words[count:]), names) if words[count:] else None
