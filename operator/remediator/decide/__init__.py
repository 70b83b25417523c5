"""What to do next: a pure function of the policy, the remediation, the observed world and the time.

Nothing in this package does I/O or reads a clock. Three entry points, each of which returns a status (or an
object) that the caller persists *before* it does anything else; see :mod:`remediator.decide.decision`:

* ``opening.open_remediation(policy, existing, observed, now) -> Opening``: does an incident start? ``existing``
  are all Remediations of this policy, terminal ones too.
* ``machine.decide(policy, remediation, observed, now) -> Decision``: what is next in a running one?
* ``results.record_result(policy, remediation, intent, result, message, now) -> Decision``: an intent was carried
  out, or not; what does that mean?

``restart_pods``, ``rollout_restart`` and ``scale_out`` each hold one action: how it starts, goes on after the operator
was killed, and what its result means; ``steps`` chooses among them. Carrying out is in :mod:`remediator.act`.

``action_history.history(remediations)`` returns the past actions of :class:`~remediator.decide.observed.Observed`.
"""
