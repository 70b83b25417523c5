"""Unmodified bots of other libraries hold a conversation with the simulator, by webhook and by polling.

`make judges` installs the libraries into `.judges` and runs these tests: what the libraries do not understand, the
simulator does not say as Telegram says it.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.redis_server import free_port
from sandbox.server import Sandbox
from sandbox.settings import Settings
from sandbox.telegram.users import Users

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / ".judges"
TOKEN = "42:AAF-known-token-of-the-judges"
PERSON = 1001
SECONDS = 60.0

BOTS = {
    "python-telegram-bot": [str(INSTALLED / "venv" / "bin" / "python"), str(HERE / "bots" / "ptb_bot.py")],
    "grammY": ["node", str(INSTALLED / "grammy_bot.mjs")],
    "Telegraf": ["node", str(INSTALLED / "telegraf_bot.mjs")],
}


def command(name: str) -> list[str]:
    """Return how to run a bot; fail with what is missing."""
    program, script = BOTS[name]
    if shutil.which(program) is None:
        pytest.fail(f"{program} is missing: {'install Node' if program == 'node' else 'run `make judges`'}")
    if program == "node":
        # Node looks for modules beside the script.
        shutil.copy(HERE / "bots" / Path(script).name, script)
    return [program, script]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    names = ("telegram", "control", "auth", "request", "user", "shift")
    ports: dict[str, Any] = {f"{name}_port": free_port() for name in names}
    async with Sandbox(Settings(bot_token=TOKEN, traffic_users=3, **ports)) as sandbox:
        yield sandbox


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mode", ["webhook", "polling"])
@pytest.mark.parametrize("name", list(BOTS))
async def test_an_unmodified_bot_holds_a_conversation(sandbox: Sandbox, name: str, mode: str) -> None:
    environment = os.environ | {
        "BOT_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": f"http://127.0.0.1:{sandbox.settings.telegram_port}",
        "MODE": mode,
        "PORT": str(free_port()),
    }
    process = await asyncio.create_subprocess_exec(*command(name), env=environment)
    users, chat = Users(sandbox.telegram), sandbox.telegram.chats.private(PERSON)

    async def reply(seen: int) -> dict[str, Any]:
        found = await chat.wait_newer(seen, SECONDS, from_bot=True)
        assert found, f"no reply; the bot's exit status is {process.returncode}"
        return found[-1].content

    try:
        users.say(PERSON, "/start")
        hello = await reply(chat.seq)
        assert (hello["text"], hello["reply_markup"]["inline_keyboard"][0][0]["text"]) == ("Hello", "Press")
        seen = chat.seq
        users.press(PERSON, hello["message_id"], "pressed")
        assert (await reply(seen))["text"] == "Pressed"
        users.say(PERSON, "How are you? 😀")
        assert (await reply(chat.seq))["text"] == "You said: How are you? 😀"
        assert sandbox.telegram.callbacks.all()[-1].answer_text == "thanks"
    finally:
        process.terminate()
        await process.wait()
