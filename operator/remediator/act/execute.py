"""Execute one intent of ``decide``."""

import json

from remediator.act.outcome import from_error
from remediator.act.pods import restart_pod
from remediator.act.rollout import restart_rollout
from remediator.act.scale import ScaleOwner, note_baseline, release, set_scale
from remediator.api.policy import TargetRef
from remediator.api.remediation import ScaleKind
from remediator.decide.decision import ActResult, EvictPod, Intent, Outcome, RevertScale, RolloutRestart, Scale
from remediator.kube import KubeError
from remediator.kubernetes_api import KubernetesApi


async def execute(kubernetes: KubernetesApi, target: TargetRef, intent: Intent) -> Outcome:
    """Do what is written down already and say what came of it; never raises a KubeError."""
    if isinstance(intent, EvictPod):
        return await restart_pod(kubernetes, intent.name, intent.uid)
    if isinstance(intent, RolloutRestart):
        return await restart_rollout(kubernetes, target.kind, target.name, intent.value)
    owner = ScaleOwner(intent.kind, intent.name)
    own = ScaleOwner(ScaleKind(target.kind), target.name)
    if isinstance(intent, Scale):
        return await _scale_out(kubernetes, own, owner, intent)
    if isinstance(intent, RevertScale):
        return await set_scale(kubernetes, owner, intent.from_, intent.to, only_ours=True)
    outcome = await release(kubernetes, owner)
    if owner == own or outcome.result is not ActResult.ACCEPTED:
        return outcome
    return await release(kubernetes, own)


async def _scale_out(kubernetes: KubernetesApi, own: ScaleOwner, owner: ScaleOwner, intent: Scale) -> Outcome:
    baseline = json.dumps({"kind": intent.kind, "name": intent.name, "replicas": intent.baseline})
    if owner != own:
        try:
            await note_baseline(kubernetes, own, baseline)
        except KubeError as error:
            return from_error(error)
    return await set_scale(kubernetes, owner, intent.from_, intent.to, baseline=baseline)
