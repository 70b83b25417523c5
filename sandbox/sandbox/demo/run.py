"""Runs the demo."""

import asyncio
import random
import shutil
import signal
import sys
from contextlib import AsyncExitStack, suppress

import httpx

from sandbox.demo.dry_run_operator import DryRunOperator, operator_is_installed
from sandbox.demo.http_user_client import HttpUserClient
from sandbox.demo.monitoring import Monitoring, Programs, find_programs
from sandbox.demo.ports import Port, claimed
from sandbox.demo.processes import Child, DemoError
from sandbox.demo.settings import DemoSettings, gateway_environment, sandbox_environment
from sandbox.demo.terminal import OutputClosedError, Terminal
from sandbox.redis_server import RedisServer, RedisServerError, free_port
from sandbox.settings import Settings
from sandbox.traffic.conversations import create_request, greet
from sandbox.traffic.user_client import NoReplyError

# Two English-speaking applicants. The second one's first message is /requests, so that its trace shows the call to the
# Auth Service too: for later messages the gateway has the identity in its cache.
REQUESTER, LIST_READER = 1003, 1006
TRACE_SECONDS = 15.0
TRACE_POLL_SECONDS = 0.25
LIST_SERVICES = ("Bot Gateway Service", "Auth Service", "Request Service")


class Demo:
    """Starts all processes, runs one conversation, then generates traffic."""

    def __init__(self, demo: DemoSettings, sandbox: Settings, terminal: Terminal) -> None:
        self._demo = demo
        self._sandbox = sandbox
        self._terminal = terminal
        programs = find_programs() if demo.monitoring else Programs(None, None, None)
        self._monitoring = Monitoring(demo, sandbox, programs)
        self._redis = RedisServer(data_dir=demo.run_dir / "redis")
        self._operator = DryRunOperator(self._monitoring, self._gateway_ready_url, demo.run_dir)

    async def run(self, *, once: bool) -> int:
        """Run until a signal, or with ``once`` until the end of the conversation; return the exit status."""
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        run = asyncio.create_task(self._run(once=once))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({run, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not run.done():
            with suppress(OSError):  # after a SIGHUP there is no terminal
                self._terminal.line()
                self._terminal.note("Stopping.")
            run.cancel()
        try:
            await run
        except asyncio.CancelledError:
            return 0
        except (DemoError, RedisServerError, NoReplyError, httpx.HTTPError, OutputClosedError) as error:
            with suppress(OSError):
                print(f"demo: {error}", file=sys.stderr)
            return 1
        return 0

    async def _run(self, *, once: bool) -> None:
        async with AsyncExitStack() as stack:
            stack.enter_context(claimed(self._ports()))
            children = await self._start(stack)
            control = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._demo.control_port}", timeout=10)
            client = await stack.enter_async_context(control)
            watchers = [asyncio.create_task(self._watch(child, once=once)) for child in children]
            watchers.append(asyncio.create_task(self._redis.ended()))
            stack.callback(lambda: [watcher.cancel() for watcher in watchers])
            conversation = asyncio.create_task(self._run_conversation(client, once=once))
            stack.callback(conversation.cancel)
            done, _pending = await asyncio.wait({conversation, *watchers}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def _watch(self, child: Child, *, once: bool) -> None:
        """Restart the gateway after SIGKILL, as Kubernetes would; any other exit is an error.

        Raises:
            DemoError: a process exited for another reason.
        """
        while True:
            status = await child.wait()
            if once or child.name != "gateway" or status != -signal.SIGKILL:
                await child.raise_on_exit()
            self._terminal.note("The gateway was killed. Restarting it.")
            await child.start()
            await child.wait_ready(self._gateway_ready_url, self._demo.ready_timeout_seconds)
            self._terminal.note("The gateway is ready again.")

    @property
    def _gateway_ready_url(self) -> str:
        return f"http://127.0.0.1:{self._demo.gateway_port}/readyz"

    @property
    def _has_operator(self) -> bool:
        """The operator needs both Prometheus and Alertmanager."""
        monitoring = self._monitoring
        return bool(monitoring.prometheus_url and monitoring.alertmanager_url) and operator_is_installed()

    def _ports(self) -> dict[str, Port]:
        sandbox = self._sandbox
        return {
            "gateway": Port(self._demo.gateway_port, "DEMO_GATEWAY_PORT"),
            "page and control API": Port(self._demo.control_port, "SANDBOX_CONTROL_PORT"),
            "Telegram": Port(sandbox.telegram_port, "SANDBOX_TELEGRAM_PORT"),
            "Auth Service": Port(sandbox.auth_port, "SANDBOX_AUTH_PORT"),
            "Request Service": Port(sandbox.request_port, "SANDBOX_REQUEST_PORT"),
            "User Service": Port(sandbox.user_port, "SANDBOX_USER_PORT"),
            "Shift Service": Port(sandbox.shift_port, "SANDBOX_SHIFT_PORT"),
            **self._monitoring.ports(),
        }

    async def _start(self, stack: AsyncExitStack) -> list[Child]:
        self._terminal.title("Bot Gateway demo")
        await asyncio.to_thread(shutil.rmtree, self._demo.run_dir / "redis", ignore_errors=True)  # an earlier demo's
        redis = await stack.enter_async_context(self._redis)
        self._terminal.line(f"  Redis     {redis.url}")
        children = await self._start_all(stack, self._own_children(redis.url, free_port()))
        # After the gateway, so that Prometheus' first scrape finds it.
        children += await self._start_all(stack, self._monitoring.children())
        if self._has_operator:
            children.append(await stack.enter_async_context(self._operator.process()))
        self._print_addresses()
        return children

    async def _start_all(self, stack: AsyncExitStack, ready: dict[Child, str]) -> list[Child]:
        """Start the processes and wait until all are ready."""
        for child in ready:
            stack.push_async_callback(child.stop)
            await child.start()
        for child, url in ready.items():
            await child.wait_ready(url, self._demo.ready_timeout_seconds)
        return list(ready)

    def _own_children(self, redis_url: str, otlp_port: int) -> dict[Child, str]:
        """Return sandbox and gateway, each with the URL of its readiness check."""
        demo, sandbox = self._demo, self._sandbox
        sandbox_process = Child(
            "sandbox",
            [sys.executable, "-m", "sandbox", "serve"],
            sandbox_environment(demo, sandbox, otlp_port, self._views()),
            demo.run_dir / "sandbox.log",
        )
        gateway = Child(
            "gateway",
            [sys.executable, "-m", "app"],
            gateway_environment(demo, sandbox, redis_url, otlp_port),
            demo.run_dir / "gateway.log",
            pid_file=demo.gateway_pid_file,
        )
        return {sandbox_process: f"http://127.0.0.1:{demo.control_port}/healthz", gateway: self._gateway_ready_url}

    def _views(self) -> dict[str, str]:
        monitoring = self._monitoring
        operator = {"SANDBOX_OPERATOR_FILE": str(self._operator.decisions_file)} if self._has_operator else {}
        return {
            "SANDBOX_PROMETHEUS_URL": monitoring.prometheus_url,
            "SANDBOX_ALERTMANAGER_URL": monitoring.alertmanager_url,
            "SANDBOX_JAEGER_URL": monitoring.jaeger_url,
            "SANDBOX_OTLP_FORWARD_TO": monitoring.jaeger_otlp,
            **operator,
        }

    def _print_addresses(self) -> None:
        demo, sandbox, terminal = self._demo, self._sandbox, self._terminal
        terminal.line(
            f"  sandbox   Telegram on {sandbox.telegram_port}, backends on {sandbox.auth_port}–"
            f"{sandbox.shift_port}, control on {demo.control_port}"
        )
        terminal.line(f"  gateway   http://127.0.0.1:{demo.gateway_port}")
        terminal.line(f"  page      http://localhost:{demo.control_port}")
        addresses = self._monitoring.addresses
        for name, address in addresses.items():
            if address:
                terminal.line(f"  {name.lower():<9} {address}")
        if self._has_operator:
            terminal.line("  operator  dry run; its decisions are on the page")
        if missing := [name for name, address in addresses.items() if not address]:
            terminal.note(f"  without   {', '.join(missing)}: the page tells how to get them")
        terminal.note(f"  logs      {demo.run_dir}/*.log")

    async def _run_conversation(self, client: httpx.AsyncClient, *, once: bool) -> None:
        chance = random.Random(5)  # noqa: S311 - the same conversation every time
        user = await self._user_client(client, REQUESTER)
        await greet(user, chance, _no_pause)
        await create_request(user, chance, _no_pause)
        await user.say("/requests")
        user = await self._user_client(client, LIST_READER)
        await user.say("/requests")
        self._terminal.title("Trace of the /requests message")
        self._terminal.line(await self._list_trace(client))
        self._print_next_steps()
        if once:
            return
        self._terminal.line()
        self._terminal.note("  Ctrl-C ends it.")
        await client.post("/traffic", json={"rate": self._demo.traffic_rate})
        await asyncio.Event().wait()

    async def _user_client(self, client: httpx.AsyncClient, telegram_id: int) -> HttpUserClient:
        people = (await client.get("/users")).raise_for_status().json()["items"]
        person = next(person for person in people if person["telegram_id"] == telegram_id)
        self._terminal.title(f"{person['name']}, {person['role']}, talks to the bot")
        return HttpUserClient(client, telegram_id, self._terminal.to_bot, self._terminal.from_bot)

    async def _list_trace(self, client: httpx.AsyncClient) -> str:
        """Wait for the trace of a /requests message with spans of gateway, Auth and Request Service.

        Raises:
            DemoError: the trace is not received in time.
        """
        for _poll in range(int(TRACE_SECONDS / TRACE_POLL_SECONDS)):
            found = (await client.get("/traces", params={"service": LIST_SERVICES})).json()["items"]
            if found:
                return str(found[0]["tree"])
            await asyncio.sleep(TRACE_POLL_SECONDS)
        raise DemoError(f"no trace received within {TRACE_SECONDS:.0f} s; see {self._demo.run_dir}/gateway.log")

    def _print_next_steps(self) -> None:
        gateway, control = self._demo.gateway_port, self._demo.control_port
        self._terminal.title("Try it")
        for text in (
            "# the page: chat with the bot, inject faults, watch",
            f"http://localhost:{control}",
            "# metrics",
            f"curl http://localhost:{gateway}/metrics",
            "# invalid updates, as a faulty client would send them",
            "for i in {1..100}; do",
            f'  curl -X POST http://localhost:{gateway}/webhook -H "Content-Type: application/json" '
            '-d \'{"invalid": "data"}\'',
            "done",
            "# write to the bot and read its replies",
            f'curl http://localhost:{control}/updates -d \'{{"user_id": 1001, "text": "/start"}}\'',
            f"curl http://localhost:{control}/chats/1001/messages",
            "# take the Request Service down, then remove the fault",
            f'curl http://localhost:{control}/faults -d \'{{"service": "request", "kind": "down"}}\'',
            f"curl -X DELETE http://localhost:{control}/faults",
        ):
            self._terminal.line(f"  {text}")


async def _no_pause() -> None:
    return


async def run_demo(demo: DemoSettings, sandbox: Settings, *, once: bool) -> int:
    """Run the demo and return the exit status."""
    return await Demo(demo, sandbox, Terminal()).run(once=once)
