"""The truth: pods on nodes, backends that work or do not, and what becomes of an action."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from remediator.decide.decision import EvictPod, Intent, RevertScale, RolloutRestart, Scale
from remediator.simulate.scenario import Failure, Scenario, Trouble

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
"""A Monday, two o'clock in the morning: nobody is there, and few updates come."""
DRAIN = 15.0
SLOW_DRAIN = 300.0
OPENS_AFTER = 2
"""Failed probes in a row that open a breaker; the gateway's default is a failure rate, which needs about as long."""


@dataclass(slots=True)
class Pod:
    """One pod. ``slot`` is its place in the target: a replacement has that of the pod that it replaces."""

    name: str
    uid: str
    slot: int
    node: int
    created: float
    ready_at: float
    cursed: bool = False
    """The failure is in this very pod, so its replacement is free of it."""
    gone_at: float | None = None
    """When a pod that shuts down ends; ``None`` while nothing has asked it to."""
    ready: bool = False
    failures: int = 0
    opened_at: float | None = None
    last_success: float | None = None

    @property
    def stays(self) -> bool:
        """Whether it is not shutting down."""
        return self.gone_at is None


class Cluster:
    """The target of one incident, second by second."""

    def __init__(self, scenario: Scenario, random: Random) -> None:
        self.scenario = scenario
        self.now = 0.0
        self.replicas = scenario.replicas
        self.rollout: list[str] = []
        self.restarted_for: str | None = None
        self.evicted: list[tuple[float, Pod]] = []
        self.pods: list[Pod] = []
        self._random = random
        self._made = 0
        for slot in range(scenario.replicas):
            pod = self._make(slot, slot % scenario.nodes)
            pod.created, pod.ready_at, pod.ready = -3600.0, -3590.0, True
            if scenario.failure in {Failure.SINGLE_POD, Failure.BAD_IMAGE, Failure.TWO_FAILURES}:
                pod.cursed = slot in scenario.victims

    # -- what is true

    def has(self, trouble: Trouble) -> int | None:
        """Return the number of a trouble that lasts now; ``None`` where it does not."""
        found = (item for item in self.scenario.troubles if item.trouble is trouble and item.covers(self.now))
        episode = next(found, None)
        return None if episode is None else episode.number

    def reaches(self, pod: Pod) -> bool:
        """Tell whether a call of that pod to the backend succeeds now."""
        scenario, since = self.scenario, self.now - self.scenario.start
        if since < 0 or self.now >= scenario.end:
            return True
        failure, victims = scenario.failure, scenario.victims
        if failure is Failure.SHARED_OUTAGE:
            return False
        if failure in {Failure.SINGLE_POD, Failure.BAD_IMAGE, Failure.FALSE_ALARM}:
            # A false alarm is a failed call or two, and an alert that somebody posted.
            return not pod.cursed if failure is not Failure.FALSE_ALARM else pod.slot not in victims or since > 50
        if failure is Failure.TWO_FAILURES:
            both = scenario.period * 2
            return not pod.cursed and not scenario.period <= since < scenario.period + both
        if failure is Failure.SINGLE_NODE:
            return pod.node != victims[0] % scenario.nodes
        if failure is Failure.ROLLING_OUTAGE:
            place = victims.index(pod.slot) if pod.slot in victims else 0
            return since < place * min(60.0, 300.0 / len(victims))
        if failure is Failure.WANDERING_LOSS:
            return pod.slot != victims[int(since // scenario.period) % len(victims)]
        if failure is Failure.FLAPPING:
            return pod.slot not in victims or int(since // scenario.period) % 2 == 1
        if failure is Failure.SLOW:
            return self._random.random() < 0.4
        return pod.slot not in victims

    def is_at_fault(self, pod: Pod) -> bool:
        """Tell whether the failure is one of this pod, so that a person who knew the truth could restart it."""
        failure = self.scenario.failure
        if failure is Failure.SINGLE_NODE:
            return pod.node == self.scenario.victims[0] % self.scenario.nodes
        if failure in {Failure.SINGLE_POD, Failure.BAD_IMAGE, Failure.TWO_FAILURES}:
            return pod.cursed
        return failure in {Failure.FLAPPING, Failure.INHERITED, Failure.ONE_ZONE} and pod.slot in self.scenario.victims

    @property
    def failing(self) -> list[Pod]:
        """The ready pods whose breaker has been open for two minutes and more."""
        return [
            pod
            for pod in self.pods
            if pod.ready and pod.stays and pod.opened_at is not None and self.now - pod.opened_at >= 120
        ]

    @property
    def is_whole(self) -> bool:
        """Whether every desired pod is ready, and there is one."""
        return 0 < self.replicas <= sum(pod.ready and pod.stays for pod in self.pods)

    # -- time

    def advance(self, now: float) -> None:
        """Let time pass until ``now``."""
        self.now = now
        self.pods = [pod for pod in self.pods if pod.gone_at is None or pod.gone_at > now]
        self._people()
        for pod in self.pods:
            pod.ready = pod.stays and now >= pod.ready_at
            if pod.ready:
                self._probe(pod)
        if self.rollout and all(pod.ready for pod in self.pods if pod.stays):
            name = self.rollout.pop(0)
            self._replace(next((pod for pod in self.pods if pod.name == name and pod.stays), None))

    def _people(self) -> None:
        number = self.has(Trouble.PERSON_SCALES)
        if number is not None:
            self._scale(number)
        if self.has(Trouble.SCALED_TO_ZERO) is not None:
            self._scale(0)
        rolls = next((item for item in self.scenario.troubles if item.trouble is Trouble.PERSON_ROLLS_OUT), None)
        if rolls is not None and not self.rollout and rolls.start <= self.now < rolls.start + 15:
            self.rollout = [pod.name for pod in self.pods if pod.stays]

    def _probe(self, pod: Pod) -> None:
        if self.reaches(pod):
            pod.failures, pod.opened_at, pod.last_success = 0, None, self.now
            return
        pod.failures += 1
        if pod.failures >= OPENS_AFTER and pod.opened_at is None:
            pod.opened_at = self.now

    # -- actions

    def carry_out(self, intent: Intent) -> bool:
        """Do what an intent asks for; ``False`` where there is nothing to do any more."""
        if isinstance(intent, EvictPod):
            pod = next((item for item in self.pods if item.uid == intent.uid and item.stays), None)
            if pod is not None:
                self.evicted.append((self.now, pod))
            return self._replace(pod)
        if isinstance(intent, RolloutRestart):
            if self.restarted_for == intent.value:
                return False
            self.restarted_for = intent.value
            self.rollout = [pod.name for pod in self.pods if pod.stays]
            return True
        if isinstance(intent, Scale | RevertScale):
            self._scale(intent.to)
        return True

    def _replace(self, pod: Pod | None) -> bool:
        if pod is None:
            return False
        pod.ready = False
        drain = SLOW_DRAIN if self.has(Trouble.SLOW_DRAIN) is not None else DRAIN
        pod.gone_at = 1e12 if self.has(Trouble.STUCK_POD) is not None else self.now + drain
        avoided = self.scenario.victims[0] % self.scenario.nodes if self.scenario.failure is Failure.SINGLE_NODE else -1
        rooms = [node for node in range(self.scenario.nodes) if node != avoided] or [0]
        self._make(pod.slot, self._random.choice(rooms))
        return True

    def _scale(self, replicas: int) -> None:
        self.replicas = replicas
        while sum(pod.stays for pod in self.pods) < replicas:
            taken = {pod.slot for pod in self.pods if pod.stays}
            self._make(next(slot for slot in range(1000) if slot not in taken), self._random.randrange(2))
        for pod in reversed([item for item in self.pods if item.stays][replicas:]):
            pod.gone_at, pod.ready = self.now + DRAIN, False

    def _make(self, slot: int, node: int) -> Pod:
        self._made += 1
        starts = self._random.uniform(15, 40)
        if self.scenario.failure is Failure.BAD_IMAGE:
            starts = 1e12
        no_room = (item.end for item in self.scenario.troubles if item.trouble is Trouble.NO_ROOM)
        starts += max((end - self.now for end in no_room if self.has(Trouble.NO_ROOM) is not None), default=0.0)
        name = f"gw-{self._made:03d}"
        pod = Pod(name, f"uid-{name}", slot, node, self.now, self.now + starts)
        self.pods.append(pod)
        return pod


def moment(second: float) -> datetime:
    """Return a second of an incident as a time."""
    return START + timedelta(seconds=second)
