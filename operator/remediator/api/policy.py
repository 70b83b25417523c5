"""RemediationPolicy: what the operator may do to one workload, and when.

The CRD refuses a wrong policy at ``kubectl apply``; these models refuse the same things where there is no API
server (replay, policy tests) and give the defaults that the CRD gives.
"""

from datetime import datetime, time, timedelta
from enum import StrEnum
from math import ceil
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, PlainSerializer, field_validator, model_validator

from remediator.api.limits import MAX_STEPS, MIN_STABLE
from remediator.api.matchers import Matcher, Operator
from remediator.api.names import PolicyName
from remediator.api.values import Duration, SpecModel, StatusModel, Time


class Mode(StrEnum):
    """Whether decisions are carried out."""

    ENFORCE = "Enforce"
    DRY_RUN = "DryRun"
    PAUSED = "Paused"


class Action(StrEnum):
    """What is done to the target. ``Revert`` and ``None`` appear in records only, never in a policy."""

    RESTART_PODS = "RestartPods"
    ROLLOUT_RESTART = "RolloutRestart"
    SCALE_OUT = "ScaleOut"
    HOLD = "Hold"
    REVERT = "Revert"
    NONE = "None"


class Scope(StrEnum):
    """How many of the ready pods must be affected for a step to apply."""

    MINORITY = "Minority"
    """Half or fewer: those pods are at fault."""
    MAJORITY = "Majority"
    """More than half: a shared failure, of a backend or by load."""
    ANY = "Any"


_DEFAULT_SCOPE = {
    Action.RESTART_PODS: Scope.MINORITY,
    Action.ROLLOUT_RESTART: Scope.MINORITY,
    Action.HOLD: Scope.ANY,
}


class TargetRef(SpecModel):
    """The workload, in the policy's namespace."""

    api_version: Literal["apps/v1"] = "apps/v1"
    kind: Literal["Deployment", "StatefulSet"] = "Deployment"
    name: str = Field(min_length=1, max_length=253)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class StepVerify(SpecModel):
    """How long a step may take until alert, pods and rollout all hold."""

    timeout: Duration = Field(default=timedelta(minutes=5), ge=timedelta(minutes=1), le=timedelta(hours=1))


class Step(SpecModel):
    """One step of the escalation."""

    action: Literal[Action.RESTART_PODS, Action.ROLLOUT_RESTART, Action.SCALE_OUT, Action.HOLD]
    when: Scope = Scope.ANY
    verify: StepVerify = StepVerify()
    by: int | None = Field(default=None, ge=1, le=100)
    max: int | None = Field(default=None, ge=1, le=1000)

    @model_validator(mode="before")
    @classmethod
    def _scope_by_action(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "when" in data:
            return data
        if data.get("action") == Action.SCALE_OUT:
            raise ValueError("ScaleOut needs `when`: Majority says that load is the cause where most pods are affected")
        if data.get("action") in set(_DEFAULT_SCOPE):
            return {**data, "when": _DEFAULT_SCOPE[Action(data["action"])]}
        return data

    @model_validator(mode="after")
    def _parameters_fit(self) -> Self:
        if self.action is Action.SCALE_OUT:
            if self.by is None or self.max is None:
                raise ValueError("ScaleOut needs `by` and `max`: how many replicas to add, and the most there may be")
        elif self.by is not None or self.max is not None:
            raise ValueError("`by` and `max` belong to ScaleOut only")
        if self.action in {Action.RESTART_PODS, Action.ROLLOUT_RESTART} and self.when is not Scope.MINORITY:
            raise ValueError(
                f"{self.action} is for `when: Minority` only: where most pods are affected, the failure is "
                "shared and a restart does not help"
            )
        return self

    def fits(self, scope: Scope) -> bool:
        """Tell whether the step applies to that share of affected pods."""
        return self.when in {scope, Scope.ANY}


class Budget(SpecModel):
    """At most ``actions`` actions in any window of the length ``per``."""

    actions: int = Field(ge=1, le=100)
    per: Duration = Field(ge=timedelta(minutes=1), le=timedelta(hours=168))


Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_WEEKDAYS: tuple[Weekday, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _to_clock(value: Any) -> Any:
    if isinstance(value, str):
        hours, _, minutes = value.partition(":")
        return time(int(hours), int(minutes))
    return value


ClockTime = Annotated[
    time, BeforeValidator(_to_clock), PlainSerializer(lambda value: f"{value:%H:%M}", when_used="json")
]


class QuietWindow(SpecModel):
    """Hours of the week in which nothing is carried out; over midnight where ``to`` is not after ``from``."""

    days: tuple[Weekday, ...] = Field(default=_WEEKDAYS, min_length=1, max_length=7)
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is not a time zone such as UTC or Asia/Tashkent") from error
        return value

    def contains(self, moment: datetime) -> bool:
        """Tell whether a moment falls into the window; ``days`` names the day on which it starts."""
        local = moment.astimezone(ZoneInfo(self.time_zone))
        clock = local.time()
        yesterday = _WEEKDAYS[(local.weekday() - 1) % 7]
        today = _WEEKDAYS[local.weekday()]
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.end)

    def ends_at(self, moment: datetime) -> datetime:
        """Return the end of a window that contains ``moment``."""
        local = moment.astimezone(ZoneInfo(self.time_zone))
        end = local.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        return (end if end > local else end + timedelta(days=1)).astimezone(moment.tzinfo)


class Guards(SpecModel):
    """Conditions that must hold before an action."""

    min_healthy: int | str = Field(default="50%")
    budgets: tuple[Budget, ...] = Field(
        default=(Budget(actions=3, per=timedelta(hours=1)), Budget(actions=7, per=timedelta(hours=24))),
        min_length=1,
        max_length=8,
    )
    cooldown: Duration = Field(default=timedelta(minutes=10), ge=timedelta(minutes=1), le=timedelta(hours=24))
    recovery_delay: Duration = Field(default=timedelta(minutes=10), ge=timedelta(minutes=1), le=timedelta(hours=24))
    max_replicas: int | None = Field(default=None, ge=1, le=1000)
    quiet_windows: tuple[QuietWindow, ...] = Field(default=(), max_length=16)

    @field_validator("min_healthy")
    @classmethod
    def _is_number_or_percentage(cls, value: int | str) -> int | str:
        if isinstance(value, int):
            if value < 0:
                raise ValueError("minHealthy is 0 or more")
        elif not (value.endswith("%") and value[:-1].isdigit() and int(value[:-1]) <= 100):
            raise ValueError("minHealthy is a number of pods or a percentage of the desired replicas such as 50%")
        return value

    def least_healthy(self, desired: int) -> int:
        """Return how many ready pods there must stay, of that many desired ones (a percentage rounds up)."""
        if isinstance(self.min_healthy, int):
            return self.min_healthy
        return ceil(desired * int(self.min_healthy[:-1]) / 100)


class Verification(SpecModel):
    """When a step counts as a success."""

    stable_for: Duration = Field(default=MIN_STABLE, ge=MIN_STABLE, le=timedelta(hours=24))


class RevertPolicy(SpecModel):
    """Whether a scale-out is reverted after success."""

    enabled: bool = True


class Handover(SpecModel):
    """When the operator stops and hands the incident over to people."""

    gated_for: Duration = Field(default=timedelta(minutes=30), ge=timedelta(minutes=1), le=timedelta(hours=24))
    unknown_for: Duration = Field(default=timedelta(minutes=30), ge=timedelta(minutes=1), le=timedelta(hours=24))


def _to_matcher(value: Any) -> Any:
    return Matcher.parse(value) if isinstance(value, str) else value


MatcherText = Annotated[Matcher, BeforeValidator(_to_matcher), PlainSerializer(str, when_used="json")]


class PolicySpec(SpecModel):
    """The ``spec`` of a RemediationPolicy."""

    target_ref: TargetRef
    alerts: tuple[MatcherText, ...] = Field(min_length=1, max_length=16)
    mode: Mode = Mode.DRY_RUN
    max_concurrent: int = Field(default=1, ge=1, le=100)
    escalation: tuple[Step, ...] = Field(
        default=(
            Step(action=Action.RESTART_PODS, when=Scope.MINORITY),
            Step(action=Action.RESTART_PODS, when=Scope.MINORITY),
        ),
        min_length=1,
        max_length=MAX_STEPS,
    )
    guards: Guards = Guards()
    verification: Verification = Verification()
    revert: RevertPolicy = RevertPolicy()
    handover: Handover = Handover()
    history: int = Field(default=30, ge=1, le=3650)
    """Days for which an ended Remediation is kept."""
    history_limit: int = Field(default=200, ge=10, le=1000)
    """Ended Remediations that are kept, whatever their age."""

    @model_validator(mode="after")
    def _selects_and_limits_agree(self) -> Self:
        if not any(matcher.operator is Operator.EQUAL and matcher.value for matcher in self.alerts):
            raise ValueError('alerts needs one matcher such as alertname="CircuitBreakerOpen", or it means every alert')
        limit = self.guards.max_replicas
        if limit is not None and any(step.max is not None and step.max > limit for step in self.escalation):
            raise ValueError("the `max` of a ScaleOut is above guards.maxReplicas")
        return self


class PolicyStatus(StatusModel):
    """The ``status`` of a RemediationPolicy."""

    observed_generation: int = 0
    counter: int = 0
    """The highest number that a Remediation of this policy ever had."""
    active_remediation: str | None = None
    last_reason: str | None = None
    last_message: str | None = None
    last_decision_time: Time | None = None


class Policy(SpecModel):
    """A RemediationPolicy, as far as the operator reads it."""

    name: PolicyName
    namespace: str
    """Empty where a file does not say: then an alert's namespace is not compared."""
    uid: str = ""
    generation: int = 0
    spec: PolicySpec
    status: PolicyStatus = PolicyStatus()

    @classmethod
    def from_object(cls, body: dict[str, Any]) -> Self:
        """Read a policy from the object that the API server (or a file) has.

        Raises:
            pydantic.ValidationError: the object is not a valid policy.
        """
        metadata = body.get("metadata") or {}
        return cls.model_validate(
            {
                "name": metadata.get("name"),
                "namespace": metadata.get("namespace") or "",
                "uid": metadata.get("uid") or "",
                "generation": metadata.get("generation") or 0,
                "spec": body.get("spec"),
                "status": body.get("status") or {},
            }
        )
