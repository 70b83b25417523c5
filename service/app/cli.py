"""The command line: `bot-gateway [serve | dead-letters ...]`."""

import argparse
import sys
from collections.abc import Sequence

from app.core.settings import SettingsError, load_settings

WRONG_SETTING = 2


def parser() -> argparse.ArgumentParser:
    """What may be given on the command line."""
    top = argparse.ArgumentParser(prog="bot-gateway", description="Telegram bot gateway; settings: docs/settings.md")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="take updates until SIGTERM (the default)")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    parser().parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"bot-gateway: {error}\n")
        return WRONG_SETTING
    from app.main import run

    try:
        run(settings)
    except OSError as error:
        sys.stderr.write(f"bot-gateway: cannot listen on {settings.host}:{settings.port}: {error.strerror}\n")
        return 1
    return 0
