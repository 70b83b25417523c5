"""What the explorers of the real scripts share: the search, scripts with a mistake in them, and what a search finds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True)
class Mutant:
    """A change to a script that must break a promise."""

    name: str
    script: str = ""
    old: str = ""
    new: str = ""


class BrokenPromiseError(AssertionError):
    """What was broken, and the steps that led there."""


def mutated(scripts: dict[str, str], mutant: Mutant) -> dict[str, str]:
    """Return the scripts with the mutant's change; AssertionError if there is nothing to change."""
    if not mutant.script:
        return scripts
    text = scripts[mutant.script]
    assert mutant.old in text, f"the script no longer contains what {mutant.name} changes"
    return scripts | {mutant.script: text.replace(mutant.old, mutant.new)}


def visit_all(
    start: State, check: Callable[[State], None], steps: Callable[[State], Iterable[tuple[str, State]]]
) -> int:
    """Check every state that the steps reach, breadth first; return how many there are.

    Raises:
        BrokenPromiseError: of `check` or `steps`, with the shortest way there.
    """
    came_from: dict[State, tuple[State, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        try:
            check(state)
            for step, following in steps(state):
                if following not in came_from:
                    came_from[following] = (state, step)
                    queue.append(following)
        except BrokenPromiseError as broken:
            raise BrokenPromiseError(f"{broken}: {' | '.join(_path(came_from, state))}") from None
    return len(came_from)


def _path(came_from: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    steps: list[str] = []
    while (link := came_from[state]) is not None:
        state, step = link
        steps.append(step)
    return steps[::-1]
