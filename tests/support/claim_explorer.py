"""Explores what deliveries, lost replies, late commands and expiring leases can do to one chat, over the real scripts.

A breadth-first search over all interleavings of a few deliveries. Each step runs a script of `app.delivery` in a real
Redis, on a state that the search has reached; how a delivery goes on after a reply is what `Claims` does:

- a claim without a reply is sent once more, with another token and the tokens before it (`Claims._claim_once`);
- a claim that finds the chat locked tries again, or gives up with a 503;
- a handler appends its update to the dialogue that the claim returned, or fails, which releases the lock;
- a commit without a reply is sent again until a lease is over (`Claims.commit`);
- a delivery that dies is one that takes no further step; Telegram redelivers at any time.

What may go wrong is limited by `Bounds`: replies that are lost, commands that arrive late or never, leases that expire.
Time itself is not explored: whatever depends on the length of a lease is an expiry that comes at any moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import redis

from app.delivery.claims import DONE_TTL_MS, load_script
from support.explorer import BrokenPromiseError, Mutant, mutated, visit_all

LEASE_MS = 15_000
KEYS = ("chat:lane", "chat:done", "chat:fsm", "chat:ident", "chat:rl")
LIMITS = "unknown:1000000:1000000;"
SENDINGS = {"claim": 2, "commit": 2}
"""How often a command without a reply is sent; a commit really is sent more often, which adds nothing new."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What Redis holds of the chat: the lock's token, the handled updates, the dialogue."""

    lock: str = ""
    done: tuple[int, ...] = ()
    dialogue: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One command on its way. `earlier` are a claim's earlier tokens, `dialogue` is what a commit writes."""

    name: str
    update: int
    token: str
    earlier: tuple[str, ...] = ()
    dialogue: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of an update. `command` is sent next; without one it has not begun, or has ended as `outcome`."""

    update: int
    number: int
    command: Command | None = None
    sendings: int = 0
    handling: bool = False
    renewed: bool = False
    outcome: str = "new"


@dataclass(frozen=True, slots=True)
class State:
    """Redis, the deliveries, the late commands, and what may still go wrong."""

    stored: Stored
    deliveries: tuple[Delivery, ...]
    late: frozenset[Command]
    faults: int
    expiries: int


@dataclass(frozen=True)
class Bounds:
    """`deliveries` of each update, `faults` lost replies and late commands, `expiries` of a lease."""

    deliveries: tuple[int, ...] = (2, 1)
    faults: int = 2
    expiries: int = 1


@dataclass(frozen=True)
class ClaimMutant(Mutant):
    """A change to the scripts, or to the client: each sending of a claim has the same token."""

    same_token: bool = False


@dataclass
class Explorer:
    """`explore` returns how many states there are, or raises BrokenPromiseError."""

    client: redis.Redis
    mutant: ClaimMutant = field(default_factory=lambda: ClaimMutant("none"))
    _results: dict[tuple[Command, Stored], tuple[Any, Stored]] = field(default_factory=dict)
    _alive: set[Stored] = field(default_factory=set)

    def __post_init__(self) -> None:
        scripts = {name: load_script(name).text for name in ("claim", "commit", "release", "renew")}
        self._scripts = mutated(scripts, self.mutant)

    def explore(self, bounds: Bounds) -> int:
        """Visit every state within the bounds."""
        deliveries = tuple(
            Delivery(update, number)
            for update, count in enumerate(bounds.deliveries, 1)
            for number in range(1, count + 1)
        )
        start = State(Stored(), deliveries, frozenset(), bounds.faults, bounds.expiries)
        return visit_all(start, self._check, self._steps)

    def _check(self, state: State) -> None:
        stored = state.stored
        if sorted(map(int, filter(None, stored.dialogue.split(",")))) != sorted(stored.done):
            raise BrokenPromiseError(f"updates {stored.done} are committed, the dialogue holds {stored.dialogue!r}")
        for delivery in state.deliveries:
            if delivery.outcome == "200" and delivery.update not in stored.done:
                raise BrokenPromiseError(f"update {delivery.update} got 200 and is not committed")
        if stored not in self._alive:
            # A lease at most blocks a chat: then every update of it can be handled.
            for update in sorted({delivery.update for delivery in state.deliveries}):
                reply, _ = self._run(Command("claim", update, "fresh"), replace(stored, lock=""))
                if reply not in ("ok", "duplicate"):
                    raise BrokenPromiseError(f"after the lease of {stored.lock!r}, update {update} is {reply}")
            self._alive.add(stored)

    def _steps(self, state: State) -> Iterator[tuple[str, State]]:
        if state.stored.lock and state.expiries:
            stored = replace(state.stored, lock="")
            yield "the lease expires", replace(state, stored=stored, expiries=state.expiries - 1)
        for command in state.late:
            _, stored = self._run(command, state.stored)
            yield f"late {_named(command)}", replace(state, stored=stored, late=state.late - {command})
        for index, delivery in enumerate(state.deliveries):
            yield from self._steps_of(state, index, delivery)

    def _steps_of(self, state: State, index: int, delivery: Delivery) -> Iterator[tuple[str, State]]:
        def goes_on(changed: Delivery, **more: Any) -> State:
            deliveries = (*state.deliveries[:index], changed, *state.deliveries[index + 1 :])
            return replace(state, deliveries=deliveries, **more)

        if delivery.outcome == "new" and delivery.command is None:
            # Telegram sends an update again only after it has sent it before.
            if delivery.number == 1 or state.deliveries[index - 1].outcome != "new":
                claim = Command("claim", delivery.update, self._token(delivery, 1))
                yield (
                    f"delivery {_numbered(delivery)}",
                    goes_on(replace(delivery, command=claim, sendings=1, outcome="")),
                )
            return
        command = delivery.command
        if command is None:
            return
        if delivery.handling:
            release = Command("release", delivery.update, command.token)
            yield f"{_numbered(delivery)} fails", goes_on(replace(delivery, command=release, handling=False))
            yield f"{_numbered(delivery)} is handled", goes_on(replace(delivery, handling=False))
            if state.faults and not delivery.renewed:
                renew = Command("renew", delivery.update, command.token)
                late = state.late | {renew}
                yield (
                    f"late {_named(renew)} is sent",
                    goes_on(replace(delivery, renewed=True), late=late, faults=state.faults - 1),
                )
            return
        reply, stored = self._run(command, state.stored)
        yield f"{_named(command)}: {reply}", goes_on(self._after(delivery, command, reply, stored), stored=stored)
        if state.faults:
            unheard = self._without_reply(delivery, command)
            yield (
                f"{_named(command)}: {reply}, reply lost",
                goes_on(unheard, stored=stored, faults=state.faults - 1),
            )
            yield (
                f"{_named(command)} is held up",
                goes_on(unheard, late=state.late | {command}, faults=state.faults - 1),
            )

    def _after(self, delivery: Delivery, command: Command, reply: Any, stored: Stored) -> Delivery:
        if command.name == "claim" and reply == "ok":
            dialogue = ",".join(filter(None, (stored.dialogue, str(delivery.update))))
            commit = Command("commit", delivery.update, command.token, dialogue=dialogue)
            return replace(delivery, command=commit, sendings=1, handling=True)
        done = (command.name == "claim" and reply == "duplicate") or (command.name == "commit" and reply in (1, 2))
        return replace(delivery, command=None, outcome="200" if done else "503")

    def _without_reply(self, delivery: Delivery, command: Command) -> Delivery:
        if delivery.sendings >= SENDINGS.get(command.name, 1):
            return replace(delivery, command=None, outcome="503")
        sendings = delivery.sendings + 1
        if command.name == "claim":
            token, earlier = self._token(delivery, sendings), (*command.earlier, command.token)
            command = replace(command, token=token, earlier=() if self.mutant.same_token else earlier)
        return replace(delivery, command=command, sendings=sendings)

    def _token(self, delivery: Delivery, sending: int) -> str:
        return f"{_numbered(delivery)}#{1 if self.mutant.same_token else sending}"

    def _run(self, command: Command, stored: Stored) -> tuple[Any, Stored]:
        """Run one script on a state, or recall what it did: it depends on nothing else."""
        known = self._results.get((command, stored))
        if known is None:
            known = self._results[command, stored] = self._run_in_redis(command, stored)
        return known

    def _run_in_redis(self, command: Command, stored: Stored) -> tuple[Any, Stored]:
        keys, arguments = _arguments(command)
        with self.client.pipeline(transaction=False) as pipe:
            pipe.delete(*KEYS)
            if stored.lock:
                pipe.set(KEYS[0], stored.lock, px=LEASE_MS)
            if stored.done:
                pipe.zadd(KEYS[1], {str(update): score for score, update in enumerate(stored.done, 1)})
            if stored.dialogue:
                pipe.hset(KEYS[2], mapping={"state": "s", "data": stored.dialogue})
            pipe.eval(self._scripts[command.name], len(keys), *keys, *arguments)
            pipe.get(KEYS[0]).pttl(KEYS[0]).zrange(KEYS[1], 0, -1).hget(KEYS[2], "data")
            *_, reply, lock, left, done, dialogue = pipe.execute()
        after = Stored((lock or b"").decode(), tuple(map(int, done)), (dialogue or b"").decode())
        result = reply[0].decode() if command.name == "claim" else reply
        _check_lock(command, stored, after, result, left)
        return result, after


def _check_lock(command: Command, before: Stored, after: Stored, reply: Any, left: int) -> None:
    """What each script promises of the lock alone."""
    if after.lock and not 0 < left <= LEASE_MS:
        raise BrokenPromiseError(f"{_named(command)} leaves a lock for {left} ms")
    if command.name == "commit" and reply == 1 and after.lock:
        raise BrokenPromiseError(f"{_named(command)} leaves the lock of {after.lock}")
    if command.name == "release" and before.lock == command.token and after.lock:
        raise BrokenPromiseError(f"{_named(command)} releases nothing")
    if command.name == "claim" and reply == "busy" and before.lock in command.earlier:
        raise BrokenPromiseError(f"{_named(command)} is locked out by its own earlier sending")
    own = before.lock in (command.token, *command.earlier)
    if not own and after.lock != before.lock and (before.lock or command.name != "claim"):
        raise BrokenPromiseError(f"{_named(command)} changes the lock of {before.lock!r}")


def _arguments(command: Command) -> tuple[tuple[str, ...], tuple[str | int, ...]]:
    match command.name:
        case "claim":
            return KEYS, (command.update, command.token, LEASE_MS, LIMITS, 60_000, *command.earlier)
        case "commit":
            fsm = (1, "s", command.dialogue, 86_400_000)
            return KEYS, (command.update, command.token, DONE_TTL_MS, 0, *fsm, 0, "", "", 0)
        case "renew":
            return KEYS[:1], (command.token, LEASE_MS)
        case _:
            return KEYS[:1], (command.token,)


def _numbered(delivery: Delivery) -> str:
    return f"{delivery.update}.{delivery.number}"


def _named(command: Command) -> str:
    return f"{command.name} {command.token}"
