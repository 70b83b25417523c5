"""A policy test file."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from remediator.api.policy import Action, Policy
from remediator.api.remediation import Phase
from remediator.api.values import Duration, SpecModel, format_duration
from remediator.decide.observed import AlertState
from remediator.policy_test.notation import parse_series, parse_values
from remediator.replay.cli import PolicyFileError, load_policy, read_policy


class PolicyTestFileError(Exception):
    """A policy test file cannot be used; the message is one line for a person."""


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class PodFixture(SpecModel):
    """A pod, as its name alone (then it is ready) or in full."""

    name: str
    ready: bool = True
    restarts: int = 0


class Pdb(SpecModel):
    """The PodDisruptionBudget."""

    disruptions_allowed: int


class Hpa(SpecModel):
    """The autoscaler."""

    min_replicas: int
    max_replicas: int


class WorkloadFixture(SpecModel):
    """The target from a time on. ``unknown`` says that it cannot be read."""

    at: Duration = timedelta()
    unknown: bool = False
    replicas: int | None = None
    pods: tuple[Annotated[PodFixture, BeforeValidator(_named)], ...] = ()
    rollout: Literal["complete", "progressing"] = "complete"
    pdb: Pdb | None = None
    hpa: Hpa | None = None
    paused: bool = False


class AlertSeries(SpecModel):
    """One alert over time: it fires at every sample that is there and not 0."""

    series: str
    values: str
    state: Literal[AlertState.ACTIVE, AlertState.SUPPRESSED] = AlertState.ACTIVE

    @model_validator(mode="after")
    def _is_in_notation(self) -> Self:
        parse_series(self.series)
        parse_values(self.values)
        return self


class Expectation(SpecModel):
    """What must be decided at a time. What is not given is not compared, but for actions: none is expected then."""

    at: Duration
    phase: Phase | None = None
    action: Action = Action.NONE
    pods: tuple[str, ...] | None = None
    replicas: int | None = None
    reason: str | None = None

    @field_validator("action", mode="before")
    @classmethod
    def _none_is_a_word(cls, value: Any) -> Any:
        return Action.NONE if value is None else value


class PolicyTest(SpecModel):
    """One history and the expected decisions."""

    name: str
    interval: Duration = Field(default=timedelta(seconds=15), ge=timedelta(seconds=1))
    alerts: tuple[AlertSeries, ...] = ()
    workload: tuple[WorkloadFixture, ...] = Field(min_length=1)
    alertmanager: str = ""
    """Samples: 0 where Alertmanager cannot be reached; missing samples are up."""
    prometheus: str = ""
    """Samples: 0 where Prometheus is not proven alive; missing samples are up."""
    expect: tuple[Expectation, ...] = Field(min_length=1)

    @field_validator("alertmanager", "prometheus")
    @classmethod
    def _are_values(cls, value: str) -> str:
        parse_values(value)
        return value

    @model_validator(mode="after")
    def _times_are_observed_and_in_order(self) -> Self:
        for expected in self.expect:
            if expected.at % self.interval:
                at, interval = format_duration(expected.at), format_duration(self.interval)
                raise ValueError(f"{self.name}: nothing is observed at {at}, only every {interval}")
        for times in ([item.at for item in self.expect], [item.at for item in self.workload]):
            if any(after <= before for before, after in pairwise(times)):
                raise ValueError(f"{self.name}: the times of `expect` and of `workload` must rise")
        return self


class PolicyTestFile(SpecModel):
    """A whole file."""

    policy: str | dict[str, Any]
    """Path of the policy's file, relative to this one, or the policy itself."""
    tests: tuple[PolicyTest, ...] = Field(min_length=1)


def load_test_file(path: Path) -> tuple[Policy, PolicyTestFile]:
    """Read a policy test file and its policy.

    Raises:
        PolicyTestFileError: the file or its policy is not valid.
        OSError: a file cannot be read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        file = PolicyTestFile.model_validate(content)
    except yaml.YAMLError as error:
        raise PolicyTestFileError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise PolicyTestFileError(f"{path}: {field}: {first['msg'].removeprefix('Value error, ')}") from error
    try:
        if isinstance(file.policy, str):
            return load_policy(path.parent / file.policy), file
        return read_policy(file.policy, str(path)), file
    except PolicyFileError as error:
        raise PolicyTestFileError(str(error)) from error
