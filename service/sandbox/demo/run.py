"""The demo from start to end."""

import asyncio
import random
import signal
import sys
from contextlib import AsyncExitStack

import httpx

from sandbox.demo.processes import Child, DemoError, require_free_ports
from sandbox.demo.remote_phone import RemotePhone
from sandbox.demo.settings import DemoSettings, gateway_environment, sandbox_environment
from sandbox.demo.terminal import Terminal
from sandbox.redis_server import RedisServer, RedisServerError, free_port
from sandbox.settings import Settings
from sandbox.traffic.conversations import file_request, greet
from sandbox.traffic.phone import BotSilentError

# Two applicants who speak English. The second one's first words are the list, so that its trace shows the call to the
# Auth Service as well; later ones are spared it, for the gateway remembers who they are.
FILES_A_REQUEST, LOOKS_AT_THE_LIST = 1003, 1006
TRACE_SECONDS = 15.0
TRACE_POLL_SECONDS = 0.25
LIST_SERVICES = ("Bot Gateway Service", "Auth Service", "Request Service")


class Demo:
    """Starts everything, shows one conversation, then lets people come and go."""

    def __init__(self, demo: DemoSettings, sandbox: Settings, terminal: Terminal) -> None:
        self._demo = demo
        self._sandbox = sandbox
        self._terminal = terminal

    async def run(self, *, once: bool) -> int:
        """Run until a signal, or until the conversation is over; return the exit status."""
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        show = asyncio.create_task(self._show(once=once))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({show, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not show.done():
            self._terminal.line()
            self._terminal.note("Stopping.")
            show.cancel()
        try:
            await show
        except asyncio.CancelledError:
            return 0
        except (DemoError, RedisServerError, BotSilentError, httpx.HTTPError) as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
        return 0

    async def _show(self, *, once: bool) -> None:
        require_free_ports(self._ports())
        async with AsyncExitStack() as stack:
            children = await self._start(stack)
            control = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._demo.control_port}", timeout=10)
            client = await stack.enter_async_context(control)
            watchers = [asyncio.create_task(self._watch(child, once=once)) for child in children]
            stack.callback(lambda: [watcher.cancel() for watcher in watchers])
            play = asyncio.create_task(self._play(client, once=once))
            stack.callback(play.cancel)
            done, _pending = await asyncio.wait({play, *watchers}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def _watch(self, child: Child, *, once: bool) -> None:
        """Start the gateway again when it was killed, as Kubernetes would; nothing else may end.

        Raises:
            DemoError: another end.
        """
        while True:
            status = await child.wait()
            if once or child.name != "gateway" or status != -signal.SIGKILL:
                await child.ended()
            self._terminal.note("The gateway was killed; it is started again.")
            await child.start()
            await child.wait_ready(self._gateway_ready_url, self._demo.ready_timeout_seconds)
            self._terminal.note("The gateway is back.")

    @property
    def _gateway_ready_url(self) -> str:
        return f"http://127.0.0.1:{self._demo.gateway_port}/readyz"

    def _ports(self) -> dict[str, int]:
        sandbox = self._sandbox
        return {
            "gateway": self._demo.gateway_port,
            "control API": self._demo.control_port,
            "Telegram": sandbox.telegram_port,
            "Auth Service": sandbox.auth_port,
            "Request Service": sandbox.request_port,
            "User Service": sandbox.user_port,
            "Shift Service": sandbox.shift_port,
        }

    async def _start(self, stack: AsyncExitStack) -> list[Child]:
        demo, sandbox, run_dir = self._demo, self._sandbox, self._demo.run_dir
        self._terminal.title("Bot Gateway demo")
        redis = await stack.enter_async_context(RedisServer())
        self._terminal.line(f"  Redis     {redis.url}")
        otlp_port = free_port()
        outside = Child(
            "sandbox",
            [sys.executable, "-m", "sandbox", "serve"],
            sandbox_environment(demo, sandbox, otlp_port),
            run_dir / "sandbox.log",
        )
        gateway = Child(
            "gateway",
            [sys.executable, "-m", "app"],
            gateway_environment(demo, sandbox, redis.url, otlp_port),
            run_dir / "gateway.log",
            demo.gateway_pid_file,
        )
        ready = {
            outside: f"http://127.0.0.1:{demo.control_port}/healthz",
            gateway: self._gateway_ready_url,
        }
        for child in ready:
            stack.push_async_callback(child.stop)
            await child.start()
        for child, url in ready.items():
            await child.wait_ready(url, demo.ready_timeout_seconds)
        self._terminal.line(
            f"  sandbox   Telegram on {sandbox.telegram_port}, backends on {sandbox.auth_port}–"
            f"{sandbox.shift_port}, control on {demo.control_port}"
        )
        self._terminal.line(f"  gateway   http://127.0.0.1:{demo.gateway_port}")
        self._terminal.line(f"  page      http://localhost:{demo.control_port}")
        self._terminal.note(f"  logs      {run_dir}/sandbox.log, {run_dir}/gateway.log")
        return [outside, gateway]

    async def _play(self, client: httpx.AsyncClient, *, once: bool) -> None:
        chance = random.Random(5)  # noqa: S311 - the same conversation every time
        phone = await self._phone(client, FILES_A_REQUEST)
        await greet(phone, chance, _no_pause)
        await file_request(phone, chance, _no_pause)
        await phone.say("/requests")
        phone = await self._phone(client, LOOKS_AT_THE_LIST)
        await phone.say("/requests")
        self._terminal.title("The trace of that list")
        self._terminal.line(await self._list_trace(client))
        self._say_what_next()
        if once:
            return
        await client.post("/traffic", json={"rate": self._demo.traffic_rate})
        await asyncio.Event().wait()

    async def _phone(self, client: httpx.AsyncClient, telegram_id: int) -> RemotePhone:
        people = (await client.get("/users")).raise_for_status().json()["items"]
        person = next(person for person in people if person["telegram_id"] == telegram_id)
        self._terminal.title(f"{person['name']}, {person['role']}, talks to the bot")
        return RemotePhone(client, telegram_id, self._terminal.to_bot, self._terminal.from_bot)

    async def _list_trace(self, client: httpx.AsyncClient) -> str:
        """Wait for the trace of a list whose asker had to be verified, with the spans of both sides.

        Raises:
            DemoError: it does not come.
        """
        for _poll in range(int(TRACE_SECONDS / TRACE_POLL_SECONDS)):
            found = (await client.get("/traces", params={"service": LIST_SERVICES})).json()["items"]
            if found:
                return str(found[0]["tree"])
            await asyncio.sleep(TRACE_POLL_SECONDS)
        raise DemoError(f"no trace of the list came within {TRACE_SECONDS:.0f} s; see {self._demo.run_dir}/gateway.log")

    def _say_what_next(self) -> None:
        gateway, control = self._demo.gateway_port, self._demo.control_port
        self._terminal.title("Try it")
        for text in (
            "# the page: chat with the bot, break things, watch",
            f"http://localhost:{control}",
            "# metrics",
            f"curl http://localhost:{gateway}/metrics",
            "# invalid updates, as a broken client would send them",
            "for i in {1..100}; do",
            f'  curl -X POST http://localhost:{gateway}/webhook -H "Content-Type: application/json" '
            '-d \'{"invalid": "data"}\'',
            "done",
            "# write to the bot yourself, and read its answers",
            f'curl http://localhost:{control}/updates -d \'{{"user_id": 1001, "text": "/start"}}\'',
            f"curl http://localhost:{control}/chats/1001/messages",
            "# make the Request Service fail, and lift it again",
            f'curl http://localhost:{control}/faults -d \'{{"service": "request", "kind": "down"}}\'',
            f"curl -X DELETE http://localhost:{control}/faults",
        ):
            self._terminal.line(f"  {text}")


async def _no_pause() -> None:
    return


async def run_demo(demo: DemoSettings, sandbox: Settings, *, once: bool) -> int:
    """Run the demo on this terminal and return the exit status."""
    return await Demo(demo, sandbox, Terminal()).run(once=once)
