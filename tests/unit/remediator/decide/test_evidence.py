"""How old evidence may be, and what counts where a part of it is missing."""

from dataclasses import replace
from datetime import datetime, timedelta

from remediator.api.names import Backend
from remediator.api.remediation import Phase
from remediator.decide.observed import Evaluation, Observed
from support.incident import REQUEST, START, SimulatedTarget, make_policy


class WatchedTarget(SimulatedTarget):
    """A target that Prometheus scrapes and evaluates every 15 seconds, but for the pods in ``unscraped``."""

    def __init__(self) -> None:
        super().__init__(make_policy())
        self.unscraped: set[str] = set()
        self.scraped: dict[str, datetime] = {}
        self.unanswered = ""
        self.scrapes_replacements = True

    def observe(self) -> Observed:
        observed = super().observe()
        assert observed.workload is not None
        pods = []
        for pod in observed.workload.pods or ():
            if pod.name not in self.unscraped and (self.scrapes_replacements or "+" not in pod.name):
                self.scraped[pod.name] = self.now
            seen = self.scraped.get(pod.name)
            is_open = (str(pod.name), "request") in self.alerts
            states = {REQUEST: 1 if is_open else 0} if seen is not None else {}
            works = {Backend("request"): self.now} if seen is not None and not is_open else {}
            pods.append(replace(pod, breakers=states, scraped_at=seen, last_success=works, breaker_opened={}))
        return replace(
            observed,
            has_prometheus=True,
            unanswered=self.unanswered,
            evaluations={"CircuitBreakerOpen": Evaluation(self.now, timedelta(seconds=15))},
            workload=replace(observed.workload, pods=tuple(pods)),
        )


def test_cleared_waits_for_the_first_scrape_of_the_replacement():
    target = WatchedTarget()
    target.scrapes_replacements = False
    target.fire("gw-1")
    target.run(285)
    assert (target.phase, target.condition("Cleared")) == (Phase.VERIFYING, "False")
    target.scrapes_replacements = True
    target.run(60)
    assert target.phase is Phase.SUCCEEDED


def test_the_wait_for_the_first_scrape_of_a_replacement_has_an_end_and_proves_nothing():
    target = WatchedTarget()
    target.scrapes_replacements = False
    target.fire("gw-1")
    target.run(330)
    assert target.phase is Phase.VERIFYING
    target.run(300)
    assert (target.phase, target.status.reason) == (Phase.UNPROVEN, "Unproven")


def test_an_alert_of_a_pod_that_is_not_scraped_any_more_ends_unproven_and_never_as_recovered():
    target = WatchedTarget()
    target.fire("gw-1")
    target.settle()
    target.unscraped.add("gw-1")
    target.run(15)
    target.clear()
    target.run(1800)
    assert target.phase is Phase.SETTLING
    target.run(900)
    assert (target.phase, target.status.reason) == (Phase.UNPROVEN, "Unproven")
    assert target.actions == []


def test_an_open_breaker_that_was_read_minutes_ago_is_not_known_to_be_open():
    target = WatchedTarget()
    target.fire("gw-1")
    target.settle()
    target.fire("gw-2")
    del target.alerts["gw-2", "request"]
    target.scraped["gw-2"] = START
    observed = target.observe()
    assert observed.workload is not None
    old = tuple(
        replace(pod, breakers={REQUEST: 1}, scraped_at=START - timedelta(seconds=121)) if pod.name == "gw-2" else pod
        for pod in observed.workload.pods or ()
    )
    pods = replace(observed, workload=replace(observed.workload, pods=old)).without_stale_samples().workload
    assert pods is not None
    assert [pod.breakers for pod in pods.pods or ()] == [{REQUEST: 0}, {REQUEST: 1}, {}]


def test_rules_that_were_never_evaluated_say_nothing_of_the_age_of_samples():
    """As after Prometheus has loaded the rules of a new release."""
    target = WatchedTarget()
    observed = target.observe()
    never = Evaluation(datetime.fromisoformat("0001-01-01T00:00:00Z"), timedelta(seconds=15))
    unknown = replace(observed, evaluations={"CircuitBreakerOpen": never}, workload=_without_scrapes(observed.workload))
    assert unknown.without_stale_samples() == unknown


def _without_scrapes(workload):
    return replace(workload, pods=tuple(replace(pod, scraped_at=None) for pod in workload.pods))


def test_an_alert_is_not_cleared_while_a_replica_of_a_highly_available_pair_does_not_answer():
    target = WatchedTarget()
    target.fire("gw-1")
    target.run(60)
    target.unanswered = "Alertmanager"
    target.run(600)
    assert (target.phase, target.status.reason) == (Phase.VERIFYING, "AlertmanagerUnreachable")
    target.unanswered = ""
    target.run(240)
    assert target.phase is Phase.SUCCEEDED


def test_an_alert_that_one_replica_of_a_pair_has_firing_is_acted_on_though_the_other_does_not_answer():
    target = WatchedTarget()
    target.unanswered = "Prometheus"
    target.fire("gw-1")
    target.run(45)
    assert target.actions == ["45 RestartPods gw-1"]
