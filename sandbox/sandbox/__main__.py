"""The command line: ``serve`` the sandbox, set its ``traffic``, or run the local ``demo``."""

import argparse
import asyncio
import signal
import sys

import httpx
import uvloop
from pydantic import ValidationError

from sandbox.demo.run import run_demo
from sandbox.demo.settings import DemoSettings, settings_help, with_port_base
from sandbox.logs import configure_logs
from sandbox.server import PortInUseError, Sandbox
from sandbox.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit status."""
    parser = argparse.ArgumentParser(prog="bot-sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the Bot API, the backends and the control API until a signal")
    traffic = commands.add_parser("traffic", help="set how many conversations per second a running sandbox starts")
    traffic.add_argument("--rate", type=float, required=True, help="conversations per second; 0 stops them")
    traffic.add_argument("--control", default="", help="address of the control API (default: this machine)")
    demo = commands.add_parser(
        "demo",
        help="start Redis, sandbox and gateway on this machine and run a conversation",
        epilog=settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument("--once", action="store_true", help="exit after the conversation")
    chosen = parser.parse_args(arguments)
    try:
        settings, demo_settings = Settings(), DemoSettings()
    except ValidationError as error:
        print(f"bot-sandbox: {_invalid_setting(error)}", file=sys.stderr)
        return 2
    if chosen.command == "traffic":
        return _traffic(chosen.control or f"http://127.0.0.1:{settings.control_port}", chosen.rate)
    if chosen.command == "demo":
        return asyncio.run(run_demo(*with_port_base(demo_settings, settings), once=chosen.once))
    return _serve(settings)


def _serve(settings: Settings) -> int:
    configure_logs()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_until_signal(settings))
    except PortInUseError as error:
        print(f"bot-sandbox: {error}", file=sys.stderr)
        return 1
    return 0


def _invalid_setting(error: ValidationError) -> str:
    """Return one line that names the first invalid setting."""
    first = error.errors()[0]
    name = str(first["loc"][0]).upper()
    if not name.startswith("SANDBOX_"):
        name = f"{'DEMO' if error.title == DemoSettings.__name__ else 'SANDBOX'}_{name}"
    return f"{name}: {first['msg']}"


async def _serve_until_signal(settings: Settings) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with Sandbox(settings):
        await stop.wait()


def _traffic(control: str, rate: float) -> int:
    try:
        response = httpx.post(f"{control}/traffic", json={"rate": rate}, timeout=10)
        response.raise_for_status()
    except httpx.HTTPError as error:
        print(f"bot-sandbox: cannot reach the control API at {control}: {error}", file=sys.stderr)
        return 1
    print(response.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
