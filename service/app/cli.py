"""The command line: `bot-gateway [serve | dead-letters list|show|replay]`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from app.core.settings import Settings, SettingsError, load_settings

WRONG_SETTING = 2


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="bot-gateway", description="Telegram bot gateway; settings: docs/settings.md")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="take updates until SIGTERM (the default)")
    letters = commands.add_parser("dead-letters", help="updates that could not be handled")
    actions = letters.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the newest, one per line")
    listing.add_argument("--count", type=int, default=50, help="how many (default: 50)")
    show = actions.add_parser("show", help="one in full")
    show.add_argument("id")
    replay = actions.add_parser("replay", help="post one to the webhook again")
    replay.add_argument("id")
    replay.add_argument("--url", help="the webhook to post to (default: the one on this host)")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    chosen = parser().parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"bot-gateway: {error}\n")
        return WRONG_SETTING
    return _dead_letters(settings, chosen) if chosen.command == "dead-letters" else _serve(settings)


def _serve(settings: Settings) -> int:
    # Imported here because the bot takes a second to import, which the other commands need not wait for.
    from app.http_server import CannotListenError
    from app.main import run

    try:
        run(settings)
    except CannotListenError as error:
        sys.stderr.write(f"bot-gateway: cannot listen on {error.filename}: {error.strerror}\n")
        return 1
    return 0


def _dead_letters(settings: Settings, chosen: argparse.Namespace) -> int:
    from redis.exceptions import RedisError

    from app.dead_letters_cli import list_letters, replay_letter, show_letter

    match chosen.action:
        case "list":
            work = list_letters(settings, chosen.count)
        case "show":
            work = show_letter(settings, chosen.id)
        case _replay:
            work = replay_letter(settings, chosen.id, chosen.url or f"http://127.0.0.1:{settings.port}/webhook")
    try:
        return asyncio.run(work)
    except (RedisError, OSError) as error:
        sys.stderr.write(f"bot-gateway: cannot reach Redis: {type(error).__name__}\n")
        return 1
