"""Runs in the node agent (see node_agent.py) as root: one command per line, one line in response.

A response is `ok OUTCOME` or `error WHAT`.

signal UID WORD NUMBER      signal to the process of the pod with that word in its command line
drop UID PORT SHARE on|off  drop that share (up to 1) of the pod's packets to a TCP port, or stop dropping them
cpu UID WORD PERCENT        CPU time of the process' container in percent of one core, 0 lifts the limit
memory UID WORD EXTRA       limit of the container's memory: what its processes use now plus EXTRA bytes
"""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NODE = Path("/node")
"""The node's own file system."""
PERIOD_MICROSECONDS = 100_000
STEP_BYTES = 1_000_000


def processes(uid: str, word: str = "") -> list[int]:
    """Process ids of a pod by its uid, those with `word` in their command line where one is given."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            inside = (entry / "cgroup").read_text()
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        ours = uid in inside or uid.replace("-", "_") in inside
        if ours and (not word or any(word.encode() in part for part in command)):
            found.append(int(entry.name))
    return sorted(found)


def only(uid: str, word: str) -> int:
    """The first process with that word: a container's main one, before its children."""
    found = processes(uid, word)
    if not found:
        raise ProcessLookupError(f"no process with {word!r} in the pod {uid}")
    return found[0]


def cgroup(pid: int, controller: str) -> tuple[Path, bool]:
    """The directory of a controller for a process, and whether it is cgroup v2."""
    unified = ""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return NODE / "sys/fs/cgroup" / controller / path.lstrip("/"), False
        if not names:
            unified = path
    return NODE / "sys/fs/cgroup" / unified.lstrip("/"), True


def drop(uid: str, port: str, share: str, switch: str) -> str:
    """Add or remove the rule in the pod's network namespace with the node's own iptables."""
    chance = [] if float(share) >= 1 else ["-m", "statistic", "--mode", "random", "--probability", share]
    rule = ["OUTPUT", "-p", "tcp", "--dport", port, *chance, "-j", "DROP"]
    pids = processes(uid)
    if not pids:
        return "gone"
    inside = ["nsenter", "-t", str(pids[0]), "-n", "--", "chroot", str(NODE), "iptables", "-w"]
    subprocess.run([*inside, "-I" if switch == "on" else "-D", *rule], check=True, capture_output=True)
    return switch


def limit_cpu(uid: str, word: str, percent: str) -> str:
    """Write the quota of the container that the process is in."""
    where, unified = cgroup(only(uid, word), "cpu")
    quota = round(PERIOD_MICROSECONDS * float(percent) / 100) or -1
    if unified:
        (where / "cpu.max").write_text(f"{'max' if quota < 0 else quota} {PERIOD_MICROSECONDS}")
    else:
        (where / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
        (where / "cpu.cfs_quota_us").write_text(str(quota))
    return str(quota)


def limit_memory(uid: str, word: str, extra: str) -> str:
    """Lower the limit of the container that the process is in to what cannot be taken from it and a little more.

    Its anonymous memory cannot be taken; of the rest cgroup v1 refuses what it cannot free, so the limit goes up until
    it is accepted.
    """
    where, unified = cgroup(only(uid, word), "memory")
    held = dict(line.split() for line in (where / "memory.stat").read_text().splitlines())
    limit = int(held["anon" if unified else "total_rss"]) + int(extra)
    while not _accepted(where / ("memory.max" if unified else "memory.limit_in_bytes"), limit):
        limit += STEP_BYTES
    return str(limit)


def _accepted(where: Path, limit: int) -> bool:
    try:
        where.write_text(str(limit))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def send(uid: str, word: str, number: str) -> str:
    """Send a signal to the pod's process."""
    os.kill(only(uid, word), int(number))
    return "sent"


COMMANDS: dict[str, Callable[..., str]] = {"signal": send, "drop": drop, "cpu": limit_cpu, "memory": limit_memory}


def main() -> None:
    """Run the command of each line until the input ends."""
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            print("ok", COMMANDS[command](*arguments), flush=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print("error", str(error).replace("\n", " "), flush=True)


main()
