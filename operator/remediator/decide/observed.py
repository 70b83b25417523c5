"""The world as it was read for one decision.

``None`` always means "not known" and never "none": what is not known is never acted on. The one exception is
stated in the type: ``Absent`` for a PodDisruptionBudget or an autoscaler that does not exist.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from remediator.api.limits import SAMPLE_AGE_LIMIT, SETTLING
from remediator.api.names import Backend, Fingerprint, PodName, PodUid, RemediationName
from remediator.api.remediation import ScaleKind

OPEN_OR_HALF_OPEN = frozenset({1, 2})
"""Values of the breaker gauge with which a pod counts as affected."""


class AlertState(StrEnum):
    """Alertmanager's ``status.state``, plus the alert that has ended."""

    ACTIVE = "active"
    SUPPRESSED = "suppressed"
    """Silenced or inhibited: starts nothing, and is not cleared either."""
    UNPROCESSED = "unprocessed"
    """Alertmanager has it, but has not looked for silences yet."""


class Absent(StrEnum):
    """It was looked for and does not exist."""

    ABSENT = "Absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class ObservedAlert:
    """One alert that Alertmanager holds. An alert that has ended is not in the list."""

    fingerprint: Fingerprint
    labels: dict[str, str]
    state: AlertState
    starts_at: datetime
    confirmed: bool | None = None
    """Whether Prometheus itself says that it fires; ``None`` where no Prometheus is configured."""

    @property
    def pod(self) -> PodName:
        """The pod that the alert names, or the empty string."""
        return PodName(self.labels.get("pod", ""))

    @property
    def service_name(self) -> Backend:
        """The backend that the alert names, or the empty string."""
        return Backend(self.labels.get("service_name", ""))


NEVER_EVALUATED = datetime(1, 1, 1, tzinfo=UTC)
"""What Prometheus lists for a rule that it has loaded and not evaluated yet: the zero time of Go (rules/group.go)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """When an alerting rule was evaluated last (`NEVER_EVALUATED` before the first time), and how often it is."""

    at: datetime
    interval: timedelta


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """One pod of the target."""

    name: PodName
    uid: PodUid
    ready: bool
    terminating: bool = False
    restarts: int = 0
    created_at: datetime | None = None
    breakers: dict[Backend, int] | None = None
    """Gauge of each circuit breaker (0 closed, 1 open, 2 half-open); ``None`` without Prometheus."""
    scraped_at: datetime | None = None
    """Time of the newest sample of its breakers; ``None`` where that is not known."""
    breaker_opened: dict[Backend, datetime] | None = None
    """When each breaker that is not closed opened; ``None`` where the gateway does not say."""
    last_success: dict[Backend, datetime] | None = None
    """Time of the last successful call or probe; ``None`` where the gateway does not say."""
    successes: frozenset[Backend] | None = None
    """Backends to which this pod had a successful call within 2 minutes; ``None`` without Prometheus."""


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """What owns the number of replicas."""

    kind: ScaleKind
    name: str
    min_replicas: int
    max_replicas: int
    managers: frozenset[str] | None = None
    """Field managers of the minimum."""
    paused: bool = False
    """KEDA's ``autoscaling.keda.sh/paused`` or ``paused-replicas`` annotation."""


@dataclass(frozen=True, slots=True)
class SavedBaseline:
    """The number before the first scale-out, as the operator saved it on the target; of which object, and since when.

    It outlives the Remediation, which goes with its policy.
    """

    kind: ScaleKind
    name: str
    replicas: int
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class Workload:
    """The target."""

    replicas: int | None = None
    """``spec.replicas``: the desired number."""
    pods: tuple[ObservedPod, ...] | None = None
    rollout_complete: bool | None = None
    """``False`` while a rollout is under way: the template changed and not every pod has it."""
    restarted_for: str | None = None
    max_unavailable: int = 0
    """How many pods a rollout may make unavailable at once."""
    disruptions_allowed: int | Absent | None = None
    """Of the PodDisruptionBudget (the smallest of several); ``ABSENT``: there is none."""
    autoscaler: Autoscaler | Absent | None = None
    managers: frozenset[str] | None = None
    """Field managers of ``spec.replicas``."""
    owned_fields: bool = False
    """Whether a managedFields entry of ours is on what is scaled."""
    baseline: SavedBaseline | Absent | None = None
    """What an earlier scale-out noted on the target; ``None`` where a note is there but is not to be trusted."""
    paused: bool | None = None
    """The annotation on the target or on its namespace."""
    rollout_paused: bool = False
    """``spec.paused`` of a Deployment."""
    namespace_terminating: bool = False
    cannot_run: str = ""
    """Why pods of the target do not run: unschedulable, or refused by a quota; empty where neither is reported."""
    allowed: bool | None = None
    """The opt-in annotation of the target."""


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One action on this target in the past: what budgets and cooldown count."""

    at: datetime
    remediation: RemediationName
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class OtherRemediation:
    """Another active remediation in the namespace."""

    name: RemediationName
    created_at: datetime
    same_target: bool
    is_acting: bool
    """Whether it holds a slot: it acted and is not held."""
    is_held: bool = False
    """Whether it waits in ``Gated``."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that one decision looks at. Alerts of other policies may be among them: deciding filters."""

    alerts: tuple[ObservedAlert, ...] = ()
    alerts_read_at: datetime | None = None
    """When Alertmanager was last polled with success."""
    alertmanager_up: bool = True
    """``False``: the alerts are the last known ones."""
    prometheus_up: bool = True
    """Proven alive: the Watchdog is active, or a query was answered."""
    has_prometheus: bool = False
    """Whether breakers and successes were asked for; without, settling alone decides."""
    pending: frozenset[tuple[str, PodName, Backend]] = frozenset()
    """Alerts that Prometheus has pending: name, pod and backend."""
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    """The last evaluation of each alert's rule, by the alert's name; without an entry it is not known."""
    alertmanager_started_at: datetime | None = None
    """``None`` where it is not known."""
    workload: Workload | None = None
    """``None``: could not be read."""
    target_gone: bool = False
    """The API server said that the target does not exist."""
    history: tuple[ActionRecord, ...] = ()
    """Past actions on this target by other remediations, both modes (``action_history.history``)."""
    others: tuple[OtherRemediation, ...] = field(default=())
    settling: timedelta = SETTLING
    unanswered: str = ""
    """The source of which a replica did not answer: what is not listed may be known to that one."""

    @property
    def pods(self) -> tuple[ObservedPod, ...]:
        """The target's pods; empty where they are not known."""
        return (self.workload.pods if self.workload else None) or ()

    def without_stale_samples(self) -> "Observed":
        """Return the world without breaker states that Prometheus read too long ago: they count as not known.

        Their age is compared with Prometheus' own newest times, so the operator's clock does not matter.
        """
        times = [pod.scraped_at for pod in self.pods if pod.scraped_at is not None]
        times += [item.at for item in self.evaluations.values() if item.at != NEVER_EVALUATED]
        if self.workload is None or not times:
            return self
        oldest = max(times) - SAMPLE_AGE_LIMIT
        fresh = tuple(
            replace(pod, breakers={}, breaker_opened={})
            if pod.scraped_at is not None and pod.scraped_at < oldest and pod.breakers
            else pod
            for pod in self.pods
        )
        return replace(self, workload=replace(self.workload, pods=fresh)) if fresh != self.pods else self
