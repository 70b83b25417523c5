"""What an incident is: the failure, what is in the way, and which sensor lies. Drawn from a seed, and nothing else."""

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

MINUTE = 60.0
FOREVER = 1e9


class Failure(StrEnum):
    """The class of a failure: what is really wrong."""

    SINGLE_POD = "single pod"
    SINGLE_NODE = "single node"
    ONE_ZONE = "one zone"
    SHARED_OUTAGE = "shared outage"
    ROLLING_OUTAGE = "rolling outage"
    WANDERING_LOSS = "wandering packet loss"
    FLAPPING = "flapping"
    SLOW = "slow backend"
    BAD_IMAGE = "replacements crash"
    INHERITED = "replacement inherits"
    TWO_FAILURES = "two failures"
    FALSE_ALARM = "false alarm"


CURABLE = frozenset({Failure.SINGLE_POD, Failure.SINGLE_NODE})
"""A restart repairs it, and nothing else does."""
SHARED = frozenset(
    {Failure.SHARED_OUTAGE, Failure.ROLLING_OUTAGE, Failure.WANDERING_LOSS, Failure.SLOW, Failure.FALSE_ALARM}
)
"""No pod is at fault, so a restart is never right."""


class Trouble(StrEnum):
    """What lies, or is in the way, for a part of the incident."""

    SCRAPE_MISSES = "scrapes are missed"
    PROMETHEUS_RESTARTS = "Prometheus restarts"
    PROMETHEUS_DOWN = "Prometheus is down"
    PARTIAL_RESPONSE = "a query answers in part"
    NO_PROMETHEUS = "Prometheus is not asked"
    ALERTMANAGER_RESTARTS = "Alertmanager restarts"
    ALERTMANAGER_DOWN = "Alertmanager is down"
    REPLICA_DOWN = "a replica of a pair is down"
    LABEL_LOST = "the pod label is lost"
    POSTED_BY_HAND = "an alert is posted by hand"
    SILENCED = "a person silences the alert"
    ROUTE_MUTED = "the operator's route is muted"
    STALE_LIST = "the API server lists old pods"
    REFUSED = "an action is refused (403)"
    BUSY = "an action is blocked (429)"
    ANSWER_LOST = "an action's answer is lost (500)"
    OPERATOR_KILLED = "the operator is killed"
    CLOCK_JUMPS = "the operator's clock jumps"
    SLOW_DRAIN = "evicted pods drain for minutes"
    STUCK_POD = "an evicted pod never ends"
    NO_ROOM = "replacements are not scheduled"
    BUDGET_FULL = "a PodDisruptionBudget allows nothing"
    PAUSED = "a person pauses the target"
    PERSON_ROLLS_OUT = "a person rolls out"
    PERSON_SCALES = "a person scales the target"
    SCALED_TO_ZERO = "a person scales to zero"


@dataclass(frozen=True, slots=True)
class Episode:
    """A trouble from one time to another, in seconds since the start; ``number`` is what its kind makes of it."""

    trouble: Trouble
    start: float
    end: float
    number: int = 0

    def covers(self, second: float) -> bool:
        """Tell whether it lasts at that time."""
        return self.start <= second < self.end


@dataclass(frozen=True, slots=True)
class Scenario:
    """One incident before it happens. Times are seconds since its start."""

    seed: int
    index: int
    replicas: int
    nodes: int
    failure: Failure
    start: float
    end: float
    victims: tuple[int, ...]
    """Slots of the pods that fail; of a rolling or wandering failure, in this order."""
    period: float
    troubles: tuple[Episode, ...] = field(default=())

    @property
    def name(self) -> str:
        """By which it is found again."""
        return f"seed {self.seed}, incident {self.index}"

    def describe(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "seed": self.seed,
            "incident": self.index,
            "replicas": self.replicas,
            "failure": self.failure.value,
            "from": round(self.start),
            "to": round(self.end) if self.end < FOREVER else None,
            "pods": list(self.victims),
            "troubles": [
                {"what": item.trouble.value, "from": round(item.start), "to": round(item.end)} for item in self.troubles
            ],
        }


def draw(seed: int, index: int, replicas: tuple[int, int] = (2, 12)) -> Scenario:
    """Return the incident with that number; the same seed and number are always the same incident."""
    random = Random(f"{seed}/{index}")  # noqa: S311 - a simulation must be repeatable
    failure = random.choice(list(Failure))
    pods = random.randint(*replicas)
    nodes = random.randint(2, max(2, min(pods, 6)))
    start = 60.0
    minority = max(1, min(pods // 2, 3))
    lasts = random.uniform(4 * MINUTE, 25 * MINUTE)
    end = start + lasts
    slots = random.sample(range(pods), pods)
    victims: tuple[int, ...] = tuple(slots[: random.randint(1, minority)])
    if failure in {Failure.SINGLE_POD, Failure.BAD_IMAGE, Failure.TWO_FAILURES}:
        victims, end = tuple(slots[:1]), FOREVER
    elif failure is Failure.SINGLE_NODE:
        node = random.randrange(nodes)
        victims, end = tuple(slot for slot in range(pods) if slot % nodes == node), FOREVER
    elif failure in {Failure.ROLLING_OUTAGE, Failure.WANDERING_LOSS, Failure.ONE_ZONE}:
        victims = tuple(slots[: -(-pods // 3)] if failure is Failure.ONE_ZONE else slots)
    period = random.uniform(1.5 * MINUTE, 4 * MINUTE)
    troubles = tuple(_draw_trouble(random, start, pods) for _ in range(random.choice((0, 0, 1, 1, 2, 3))))
    if failure is Failure.FALSE_ALARM:
        troubles += (Episode(Trouble.POSTED_BY_HAND, start, start + 4 * MINUTE, victims[0]),)
    return Scenario(seed, index, pods, nodes, failure, start, end, victims, period, troubles)


def _draw_trouble(random: Random, start: float, pods: int) -> Episode:
    trouble = random.choice(list(Trouble))
    begins = start + random.uniform(-MINUTE, 12 * MINUTE)
    ends = begins + random.uniform(MINUTE, 12 * MINUTE)
    number = random.randint(1, 60)
    if trouble is Trouble.NO_PROMETHEUS:
        begins, ends = 0.0, FOREVER
    elif trouble is Trouble.STALE_LIST:
        number = random.choice((30, 60, 90))
    elif trouble is Trouble.PERSON_SCALES:
        number = max(1, pods + random.choice((-1, 1, 2)))
    elif trouble is Trouble.CLOCK_JUMPS:
        number = random.choice((-3600, -300, 300))
    elif trouble is Trouble.POSTED_BY_HAND:
        number = random.randrange(pods)
    return Episode(trouble, begins, ends, number)
