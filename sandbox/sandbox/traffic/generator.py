"""Starts conversations at a given rate; each person has one at a time."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from sandbox.jsontypes import JsonObject
from sandbox.people import Person, Role
from sandbox.telegram.simulator import Simulator
from sandbox.traffic.conversations import pick
from sandbox.traffic.user_client import LocalUserClient, NoReplyError

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

IDLE_CHECK_SECONDS = 0.2
THINK_SECONDS = 0.7
RESERVED_PER_ROLE = 3
_WEIGHTS = {Role.APPLICANT: 14, Role.EXECUTOR: 4, Role.MANAGER: 1, Role.ADMIN: 1}


class TrafficGenerator:
    """Simulates people. ``rate`` is conversations started per second and may change at any time.

    The first three people of each role, one per language, are reserved for demos and for users of the page.
    """

    def __init__(
        self,
        simulator: Simulator,
        people: list[Person],
        rate: float = 0.0,
        *,
        seed: int | None = None,
        think_seconds: float = THINK_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.rate = rate
        self._telegram = simulator
        self._chance = random.Random(seed)  # noqa: S311 - made-up behaviour
        self._think_seconds = think_seconds
        self._sleep = sleep
        self._idle = {role: _available_people(people, role) for role in Role}
        self._active: set[asyncio.Task[None]] = set()
        self._counts: Counter[str] = Counter()

    def report(self) -> JsonObject:
        """Return the rate and the outcomes; ``silent`` counts conversations without a reply in time."""
        counts = {name: self._counts[name] for name in ("started", "finished", "silent", "nobody_idle")}
        return {"rate": self.rate, "active": len(self._active), **counts}

    async def run(self) -> None:
        """Start conversations until cancelled, then cancel those in progress."""
        try:
            while True:
                if self.rate <= 0:
                    await self._sleep(IDLE_CHECK_SECONDS)
                    continue
                self._start()
                await self._sleep(self._chance.expovariate(self.rate))
        finally:
            for task in list(self._active):
                task.cancel()

    def _start(self) -> None:
        roles = [role for role, idle in self._idle.items() if idle]
        if not roles:
            self._counts["nobody_idle"] += 1
            return
        role = self._chance.choices(roles, [_WEIGHTS[role] for role in roles])[0]
        idle = self._idle[role]
        person = idle.pop(self._chance.randrange(len(idle)))
        self._counts["started"] += 1
        task = asyncio.create_task(self._converse(person))
        self._active.add(task)
        task.add_done_callback(self._active.discard)

    async def _converse(self, person: Person) -> None:
        try:
            await pick(person.role, self._chance)(LocalUserClient(self._telegram, person), self._chance, self._pause)
            self._counts["finished"] += 1
        except NoReplyError:
            self._counts["silent"] += 1
            log.warning("bot_did_not_reply", telegram_id=person.telegram_id)
        finally:
            self._idle[person.role].append(person)

    async def _pause(self) -> None:
        await self._sleep(self._chance.expovariate(1 / self._think_seconds) if self._think_seconds else 0)


def _available_people(people: list[Person], role: Role) -> list[Person]:
    everyone = [person for person in people if person.role is role and person.linked]
    return everyone[RESERVED_PER_ROLE:] or everyone
