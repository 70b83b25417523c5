"""RestartPods: evicting one pod through the eviction API, so that disruption budgets hold."""

from typing import Protocol

from kubernetes.aio import client

from remediator.act.outcome import from_error
from remediator.decide.decision import ActResult, Outcome
from remediator.kube import ConflictError, KubeError, NotFoundError


class PodApi(Protocol):
    """The calls that this module makes."""

    async def read_pod(self, name: str) -> client.V1Pod:
        """Return one pod."""

    async def evict(self, name: str, uid: str) -> None:
        """Ask for the eviction of the pod with that uid."""


async def restart_pod(api: PodApi, name: str, uid: str) -> Outcome:
    """Evict the pod with that uid, unless it is gone or going already.

    The pod is read first: an eviction with a wrong uid answers 409 and still uses up the disruption budget for
    two minutes.
    """
    gone = await _gone(api, name, uid)
    if gone is not None:
        return gone
    try:
        await api.evict(name, uid)
    except NotFoundError:
        return Outcome(ActResult.ALREADY_DONE, f"Pod {name} went away before its eviction.")
    except ConflictError as error:
        # Of the uid, or of a disruption budget that others write at the same time: only the pod itself shows which.
        return await _gone(api, name, uid) or from_error(error)
    except KubeError as error:
        return from_error(error)
    return Outcome(ActResult.ACCEPTED, f"Pod {name} is evicted.")


async def _gone(api: PodApi, name: str, uid: str) -> Outcome | None:
    """Return the outcome where there is nothing to evict or the pod cannot be read, else None."""
    try:
        pod = await api.read_pod(name)
    except NotFoundError:
        return Outcome(ActResult.ALREADY_DONE, f"Pod {name} is gone.")
    except KubeError as error:
        return from_error(error)
    if pod.metadata is None or pod.metadata.uid != uid:
        return Outcome(ActResult.ALREADY_DONE, f"Pod {name} was replaced by another pod of that name.")
    if pod.metadata.deletion_timestamp is not None:
        return Outcome(ActResult.ALREADY_DONE, f"Pod {name} is terminating.")
    return None
