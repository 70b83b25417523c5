"""Explores what lost replies, late commands, expiring leases and dead senders can do to one broadcast.

A breadth-first search over all interleavings of two senders. Each step runs a real script of `app.bot.scripts`, or of
the election that holds the lease, in a real Redis, on a state that the search has reached; how a sender continues is
what `Broadcaster` does:

- a sender that holds the lease recovers, loads page by page, takes, sends, settles, and at the end recovers and
  concludes; before each page and each take it renews the lease;
- a script without a reply is repeated with the same arguments; without a second reply the sender starts again;
- a sender whose lease is another's starts again;
- a message is sent, or certainly not sent, and then the recipient is settled as `pending`;
- a sender that dies is one that takes no further step.

One send is in flight per sender. What may go wrong is limited by `Bounds`. Time itself is not explored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import redis

from app.bot.broadcast_store import script_text
from app.core.election import LEAD_SCRIPT
from support.explorer import BrokenPromiseError, Mutant, mutated, visit_all

KEY = "{b}"
RECORD, LEASE, PENDING, SENDING, DOUBT, TAKES = (
    *(KEY, f"{KEY}:lease", f"{KEY}:pending", f"{KEY}:sending"),
    *(f"{KEY}:doubt", f"{KEY}:takes"),
)
PAGES = {0: ((1,), 1), 1: ((2,), None)}
"""What the User Service returns behind a cursor: recipients, and the next cursor."""

RECIPIENTS = (1, 2)
LEASE_MS = 15_000
SENDINGS = 2
KEYS = {
    "lead": (LEASE,),
    "load": (LEASE, RECORD, PENDING),
    "recover": (LEASE, SENDING, DOUBT),
    "take": (LEASE, RECORD, PENDING, SENDING, TAKES),
    "settle": (RECORD, SENDING, PENDING, DOUBT, TAKES),
    "conclude": (LEASE, RECORD, PENDING),
}
FIELDS = ("after", "loaded", "total", "sent", "failed", "concluded", "taker", "take", "taken")


@dataclass(frozen=True, slots=True)
class Stored:
    """What Redis holds of the broadcast; `record` has the values of `FIELDS`."""

    lease: str = ""
    record: tuple[str, ...] = ("0", "0", "0", "0", "0", "", "", "", "")
    pending: tuple[int, ...] = ()
    sending: frozenset[int] = frozenset()
    doubt: frozenset[int] = frozenset()
    takes: frozenset[tuple[int, str]] = frozenset()

    def value(self, name: str) -> str:
        return self.record[FIELDS.index(name)]

    def count(self, name: str) -> int:
        return int(self.value(name))


@dataclass(frozen=True, slots=True)
class Command:
    """One script on its way, with its arguments."""

    name: str
    arguments: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Sender:
    """One replica. `command` is sent next; `then` is the phase after its reply; `taken` is sent to in phase `send`."""

    token: str
    phase: str = "lease"
    command: Command | None = None
    then: str = ""
    sendings: int = 0
    takes: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Redis, the senders, the late commands, what was really sent, and what may still go wrong.

    `excuse`: something happened after which a recipient may be in doubt: a lost lease, a late command, a sender that
    started again.
    """

    stored: Stored
    senders: tuple[Sender, ...]
    late: frozenset[Command]
    sent: tuple[int, ...]
    faults: int
    expiries: int
    unsent: int
    excuse: bool = False


@dataclass(frozen=True)
class Bounds:
    """`faults` lost replies and late commands, `expiries` of the lease, `unsent` messages that Telegram did not get."""

    faults: int = 1
    expiries: int = 1
    unsent: int = 1


@dataclass
class BroadcastExplorer:
    """`explore` returns how many states there are, or raises BrokenPromiseError."""

    client: redis.Redis
    mutant: Mutant = field(default_factory=lambda: Mutant("none"))
    _results: dict[tuple[Command, Stored], tuple[Any, Stored]] = field(default_factory=dict)
    _finished: dict[Stored, Stored] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scripts = {name: LEAD_SCRIPT if name == "lead" else script_text(name) for name in KEYS}
        self._scripts = mutated(scripts, self.mutant)

    def explore(self, bounds: Bounds) -> int:
        """Visit every state within the bounds."""
        senders = (Sender("one"), Sender("two"))
        nothing = tuple(0 for _ in RECIPIENTS)
        start = State(Stored(), senders, frozenset(), nothing, bounds.faults, bounds.expiries, bounds.unsent)
        return visit_all(start, self._check, self._steps)

    def _check(self, state: State) -> None:
        stored = state.stored
        twice = [recipient for recipient in RECIPIENTS if state.sent[recipient - 1] > 1]
        if twice:
            raise BrokenPromiseError(f"{twice} got it twice")
        again = [recipient for recipient in stored.pending if state.sent[recipient - 1]]
        if again:
            raise BrokenPromiseError(f"{again} got it and would get it again")
        # Whatever has happened, the next sender comes to an end, and everybody is accounted for.
        ended = self._finish(replace(stored, lease=""))
        if not _is_accounted(ended):
            raise BrokenPromiseError(f"the next sender ends with {ended}")

    def _finish(self, stored: Stored) -> Stored:
        """What a sender without any trouble makes of it."""
        known = self._finished.get(stored)
        if known is None:
            known = self._finished[stored] = self._finish_in_redis(stored)
        return known

    def _finish_in_redis(self, stored: Stored) -> Stored:
        sender, before = Sender("next"), stored
        for _ in range(40):
            if sender.phase == "done":
                return before
            if sender.phase == "send":
                outcome = Command("settle", (sender.taken, "sent", f"{sender.token}:{sender.takes}"))
                sender = replace(sender, phase="", command=outcome, then="renew")
            elif sender.command is None:
                sender = _next_command(sender, before)
            else:
                reply, before = self._run(sender.command, before)
                sender = _after(sender, reply, before)
        raise BrokenPromiseError(f"the next sender does not come to an end from {stored}")

    def _steps(self, state: State) -> Iterator[tuple[str, State]]:
        if state.stored.lease and state.expiries:
            stored = replace(state.stored, lease="")
            yield "the lease expires", replace(state, stored=stored, expiries=state.expiries - 1, excuse=True)
        for command in state.late:
            _, stored = self._run(command, state.stored)
            yield f"late {command.name}", replace(state, stored=stored, late=state.late - {command})
        for index in range(len(state.senders)):
            yield from self._steps_of(state, index)

    def _steps_of(self, state: State, index: int) -> Iterator[tuple[str, State]]:
        sender = state.senders[index]

        def goes_on(changed: Sender, **more: Any) -> State:
            return replace(state, senders=(*state.senders[:index], changed, *state.senders[index + 1 :]), **more)

        if sender.phase == "done":
            return
        if sender.phase == "send":
            take = f"{sender.token}:{sender.takes}"
            sent = tuple(n + (recipient == sender.taken) for recipient, n in zip(RECIPIENTS, state.sent, strict=True))
            for outcome, changes in (("sent", {"sent": sent}), ("pending", {"unsent": state.unsent - 1})):
                if outcome == "sent" or state.unsent:
                    command = Command("settle", (sender.taken, outcome, take))
                    settling = replace(sender, phase="", command=command, then="renew", sendings=1)
                    yield f"{sender.token}: {sender.taken} is {outcome}", goes_on(settling, **changes)
            return
        command = sender.command
        if command is None:
            yield from self._steps_of(goes_on(_next_command(sender, state.stored)), index)
            return
        reply, stored = self._run(command, state.stored)
        following = _after(sender, reply, stored)
        if following.phase == "done" and not (state.excuse or not stored.doubt):
            raise BrokenPromiseError(f"{sorted(stored.doubt)} are in doubt although nothing but a reply was lost")
        if following.phase == "done" and not _is_accounted(stored):
            raise BrokenPromiseError(f"{sender.token} reports {stored}")
        yield f"{sender.token}: {command.name} {reply}", goes_on(following, stored=stored)
        if state.faults:
            again, excuse = _without_reply(sender)
            fault = {"faults": state.faults - 1}
            yield (
                f"{sender.token}: {command.name} {reply}, reply lost",
                goes_on(again, stored=stored, excuse=state.excuse or excuse, **fault),
            )
            yield (
                f"{sender.token}: {command.name} is held up",
                goes_on(again, late=state.late | {command}, excuse=True, **fault),
            )

    def _run(self, command: Command, stored: Stored) -> tuple[Any, Stored]:
        """Run one script on a state, or recall what it did: it depends on nothing else."""
        known = self._results.get((command, stored))
        if known is None:
            known = self._results[command, stored] = self._run_in_redis(command, stored)
        return known

    def _run_in_redis(self, command: Command, stored: Stored) -> tuple[Any, Stored]:
        keys = KEYS[command.name]
        with self.client.pipeline(transaction=False) as pipe:
            pipe.delete(RECORD, LEASE, PENDING, SENDING, DOUBT, TAKES)
            pipe.hset(RECORD, mapping={name: value for name, value in zip(FIELDS, stored.record, strict=True) if value})
            if stored.lease:
                pipe.set(LEASE, stored.lease, px=LEASE_MS)
            if stored.pending:
                pipe.rpush(PENDING, *stored.pending)
            if stored.sending:
                pipe.sadd(SENDING, *stored.sending)
            if stored.doubt:
                pipe.sadd(DOUBT, *stored.doubt)
            if stored.takes:
                pipe.hset(TAKES, mapping={str(recipient): take for recipient, take in stored.takes})
            pipe.eval(self._scripts[command.name], len(keys), *keys, *command.arguments)
            pipe.get(LEASE).hmget(RECORD, FIELDS).lrange(PENDING, 0, -1).smembers(SENDING).smembers(DOUBT)
            pipe.hgetall(TAKES)
            *_, reply, lease, record, pending, sending, doubt, takes = pipe.execute(raise_on_error=False)
        after = Stored(
            (lease or b"").decode(),
            tuple((value or b"").decode() for value in record),
            tuple(map(int, pending)),
            frozenset(map(int, sending)),
            frozenset(map(int, doubt)),
            frozenset((int(recipient), take.decode()) for recipient, take in takes.items()),
        )
        return "LEASELOST" if isinstance(reply, redis.ResponseError) else reply, after


def _is_accounted(stored: Stored) -> bool:
    """Every recipient is counted as sent, or named."""
    counted = stored.count("sent") + stored.count("failed") + len(stored.doubt)
    return stored.count("total") == counted == len(RECIPIENTS) and not stored.pending and not stored.sending


def _next_command(sender: Sender, stored: Stored) -> Sender:
    """The command that a sender gives in its phase; it reads the record for it."""

    def gives(name: str, *arguments: str | int, then: str) -> Sender:
        return replace(sender, phase="", command=Command(name, arguments), then=then, sendings=1)

    token = sender.token
    match sender.phase:
        case "lease" | "reload" | "renew":
            return gives("lead", token, LEASE_MS, then=sender.phase)
        case "recover":
            return gives("recover", token, then="load")
        case "load" if stored.value("loaded") == "1":
            return replace(sender, phase="renew")
        case "load":
            after = stored.count("after")
            page, following = PAGES[after]
            cursor = after if following is None else following
            return gives("load", token, after, cursor, int(following is None), 0, *page, then="reload")
        case "take":
            numbered = replace(sender, takes=sender.takes + 1)
            return replace(
                numbered, phase="", command=Command("take", (token, numbered.takes)), then="take", sendings=1
            )
        case "finish":
            return gives("recover", token, then="conclude")
        case _conclude:
            return gives("conclude", token, then="done")


def _after(sender: Sender, reply: Any, stored: Stored) -> Sender:
    """The sender after a reply."""
    idle = replace(sender, command=None, sendings=0)
    if reply == "LEASELOST":
        return replace(idle, phase="lease")
    match sender.then:
        case "lease":
            return replace(idle, phase="recover" if reply else "lease")
        case "reload":
            if sender.command is not None and sender.command.name == "load":
                return replace(idle, phase="reload")
            return replace(idle, phase="load" if reply else "lease")
        case "renew":
            if sender.command is not None and sender.command.name == "settle":
                return replace(idle, phase="renew")
            return replace(idle, phase="take" if reply else "lease")
        case "take":
            return replace(idle, phase="finish") if reply is None else replace(idle, phase="send", taken=int(reply))
        case "done":
            return replace(idle, phase="lease" if reply == -1 else "done")
        case phase:
            return replace(idle, phase=phase)


def _without_reply(sender: Sender) -> tuple[Sender, bool]:
    """The sender repeats the command, or starts again; then somebody may be in doubt."""
    if sender.sendings < SENDINGS:
        return replace(sender, sendings=sender.sendings + 1), False
    return replace(sender, phase="lease", command=None, sendings=0), True
