"""No framework: an aiohttp handler that makes the same Telegram call. A lower bound, not a bot."""

import asyncio
import os

import orjson
import uvloop
from aiohttp import ClientSession, TCPConnector, web


async def main() -> None:
    url = f"{os.environ['TELEGRAM_API_BASE']}/bot{os.environ['BOT_TOKEN']}/sendMessage"
    session = ClientSession(connector=TCPConnector(limit=1000))

    async def webhook(request: web.Request) -> web.Response:
        message = orjson.loads(await request.read())["message"]
        body = orjson.dumps({"chat_id": message["chat"]["id"], "text": message["text"]})
        async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
            orjson.loads(await response.read())
        return web.Response()

    application = web.Application()
    application.router.add_post("/webhook", webhook)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(os.environ["PORT"]), backlog=1024).start()
    await asyncio.Event().wait()


uvloop.run(main())
