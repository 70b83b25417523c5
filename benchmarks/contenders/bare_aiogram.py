"""aiogram as in its documentation: SimpleRequestHandler, echo, memory storage, uvloop."""

import asyncio
import os

import uvloop
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web


def storage_options() -> dict[str, object]:
    """Redis storage and event isolation if REDIS_URL is set, else aiogram's in-memory defaults."""
    url = os.environ.get("REDIS_URL")
    if url is None:
        return {}
    from aiogram.fsm.storage.redis import RedisStorage

    # One per update in flight: redis-py's default of 100 would fail some of them.
    storage = RedisStorage.from_url(url, connection_kwargs={"max_connections": 1000})
    return {"storage": storage, "events_isolation": storage.create_isolation()}


async def echo(message: Message) -> None:
    await message.answer(message.text or "")


async def main() -> None:
    session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ["TELEGRAM_API_BASE"]), limit=1000)
    bot = Bot(os.environ["BOT_TOKEN"], session=session)
    dispatcher = Dispatcher(**storage_options())
    dispatcher.message()(echo)
    application = web.Application()
    SimpleRequestHandler(dispatcher, bot, handle_in_background=False).register(application, path="/webhook")
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(os.environ["PORT"]), backlog=1024).start()
    await asyncio.Event().wait()


uvloop.run(main())
