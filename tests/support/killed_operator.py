"""The operator, which kills itself with SIGKILL just before or just after its n-th write to the API server.

KILL_AT counts the writes from 1, with KILL_NAME only those whose name begins so. KILL_WHEN is ``before`` or
``after``; ``after`` means that the API server has answered and the operator has not yet looked at the answer.
"""

import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from remediator import runtime
from remediator.kubernetes_api import KubernetesApi

WRITES = (
    "create_custom",
    "replace_status",
    "evict",
    "patch_target",
    "patch_autoscaler",
    "patch_scaled_object",
    "delete_remediation",
)


class Countdown:
    """Ends the process at the chosen write."""

    def __init__(self, at: int, when: str, name: str) -> None:
        self._at = at
        self._name = name
        self._when = when
        self._count = 0

    def around(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return the method with the chosen end around it."""

        @functools.wraps(method)
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            self._count += method.__name__.startswith(self._name)
            mine = self._count == self._at and method.__name__.startswith(self._name)
            print(f"write {self._count}: {method.__name__}", file=sys.stderr, flush=True)
            if mine and self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = await method(*args, **kwargs)
            if mine and self._when == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return wrapped


def main() -> int:
    """Run the operator with the countdown around every write."""
    countdown = Countdown(int(os.environ["KILL_AT"]), os.environ["KILL_WHEN"], os.environ.get("KILL_NAME", ""))
    for name in WRITES:
        setattr(KubernetesApi, name, countdown.around(getattr(KubernetesApi, name)))
    return runtime.main()


if __name__ == "__main__":
    sys.exit(main())
