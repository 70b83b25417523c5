"""The control API: faults, acting as a user, reading what the bot wrote, the ledger, traffic."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sandbox.control.api import Control
from sandbox.faults import FaultRegistry
from sandbox.people import seed_people
from sandbox.traffic.generator import TrafficGenerator


@pytest.fixture
def faults() -> FaultRegistry:
    return FaultRegistry()


@pytest.fixture
async def control(simulator, ledger, faults) -> AsyncIterator[TestClient]:
    people = seed_people(3)
    traffic = TrafficGenerator(simulator, people)
    parts = Control(simulator=simulator, ledger=ledger, faults=faults, traffic=traffic, people=people)
    async with TestClient(TestServer(parts.application())) as client:
        yield client


async def call(control: TestClient, method: str, path: str, body: object = None):
    async with control.request(method, path, json=body) as response:
        return response.status, await response.json()


async def test_faults_are_added_and_removed(control) -> None:
    status, fault = await call(control, "POST", "/faults", {"service": "auth", "kind": "latency"})
    assert (status, fault["id"], fault["latency_seconds"]) == (201, "f1", 3.0)
    assert [entry["id"] for entry in (await call(control, "GET", "/faults"))[1]] == ["f1"]
    assert (await call(control, "DELETE", "/faults/f1"))[0] == 200
    assert (await call(control, "DELETE", "/faults/f1"))[0] == 404
    assert (await call(control, "DELETE", "/faults"))[1] == {"removed": 0}


@pytest.mark.parametrize("body", [{"service": "moon", "kind": "down"}, {"service": "auth"}, [], "x", None])
async def test_an_invalid_fault(control, body) -> None:
    assert (await call(control, "POST", "/faults", body))[0] == 400


@pytest.mark.parametrize(
    ("act", "part"),
    [
        ({"text": "/start"}, "text"),
        ({"photos": 1}, "photo"),
        ({"contact": "+998"}, "contact"),
        ({"location": {"latitude": 1, "longitude": 2}}, "location"),
    ],
)
async def test_a_user_action(control, simulator, act, part: str) -> None:
    status, answer = await call(control, "POST", "/updates", {"user_id": 1001, **act})
    assert (status, len(answer["update_ids"])) == (202, 1)
    (update,) = simulator.queues.polled(10)
    assert part in update["message"]


async def test_a_raw_update(control, simulator) -> None:
    raw = {"update_id": 5, "message": {"chat": {"id": 777}, "from": {"id": 777}, "odd": None}}
    _status, answer = await call(control, "POST", "/updates", raw)
    (update,) = simulator.queues.polled(10)
    assert update == {"update_id": answer["update_ids"][0], "message": raw["message"]}


@pytest.mark.parametrize("body", [{"user_id": 1}, {"user_id": 1, "tex": "x"}, {}, [], {"update_id": 1}])
async def test_an_invalid_user_action(control, body) -> None:
    assert (await call(control, "POST", "/updates", body))[0] == 400


async def test_a_user_action_on_an_unknown_message(control) -> None:
    body = {"user_id": 1001, "message_id": 9, "callback_data": "x"}
    assert (await call(control, "POST", "/updates", body))[0] == 404


async def test_messages_returns_new_messages_of_the_bot(control, simulator) -> None:
    chat = simulator.chats.private(1001)
    chat.add({"text": "hi"}, from_bot=False)
    first = chat.add({"text": "hello"}, from_bot=True)
    _status, answer = await call(control, "GET", "/chats/1001/messages")
    assert [message["text"] for message in answer["items"]] == ["hello"]
    assert (await call(control, "GET", f"/chats/1001/messages?after={answer['last']}"))[1]["items"] == []
    chat.edited(first)
    _status, answer = await call(control, "GET", f"/chats/1001/messages?after={answer['last']}")
    assert [message["message_id"] for message in answer["items"]] == [first.message_id]
    _status, answer = await call(control, "GET", "/chats/1001/messages?all=1")
    assert [message["text"] for message in answer["items"]] == ["hi", "hello"]
    assert (await call(control, "GET", "/chats/999/messages"))[0] == 404


async def test_blocking_and_migrating(control, simulator) -> None:
    await call(control, "POST", "/users/1001/blocked", {"blocked": True})
    assert simulator.chats.private(1001).blocked
    _status, answer = await call(control, "POST", "/chats/-5/migrate")
    assert simulator.chats.find(-5).migrated_to == answer["migrate_to_chat_id"]


async def test_the_ledger_is_shown_and_cleared(control, ledger) -> None:
    ledger.update_created(7, "message", "chat:1", 1, 1)
    summary = (await call(control, "GET", "/ledger"))[1]
    assert summary["updates"]["created"] == 1
    assert [item["update_id"] for item in (await call(control, "GET", "/ledger/updates"))[1]["items"]] == [7]
    assert (await call(control, "GET", "/ledger/updates?since=7"))[1]["items"] == []
    assert (await call(control, "GET", "/ledger/duplicates"))[1] == {"sends": [], "backend": []}
    await call(control, "DELETE", "/ledger")
    assert (await call(control, "GET", "/ledger"))[1]["updates"]["created"] == 0


async def test_traffic(control) -> None:
    assert (await call(control, "POST", "/traffic", {"rate": 5}))[1]["rate"] == 5
    assert (await call(control, "POST", "/traffic", {"rate": -1}))[0] == 400


async def test_users(control) -> None:
    items = (await call(control, "GET", "/users"))[1]["items"]
    assert items[0]["telegram_id"] == 1001
    assert {item["role"] for item in items} == {"applicant", "executor", "manager", "admin"}


async def test_metrics(control, ledger) -> None:
    ledger.update_created(7, "message", "chat:1", 1, 1)
    async with control.get("/metrics") as response:
        assert 'sandbox_updates_total{event="created"} 1.0' in await response.text()


async def test_bot_api_errors_are_injected_and_removed(control, simulator) -> None:
    spec = {"errors": ["blocked"], "method": "sendMessage", "chat_id": 1001, "count": 2}
    status, error = await call(control, "POST", "/telegram/errors", spec)
    assert (status, error["errors"], error["hits"]) == (201, ["blocked"], 0)
    assert [one["id"] for one in (await call(control, "GET", "/telegram/errors"))[1]] == [error["id"]]
    assert (await call(control, "DELETE", f"/telegram/errors/{error['id']}"))[1] == {"removed": 1}
    assert (await call(control, "DELETE", "/telegram/errors/none"))[0] == 404
    assert (await call(control, "POST", "/telegram/errors", {"errors": ["nonsense"]}))[0] == 400
    known = (await call(control, "GET", "/telegram/known-errors"))[1]
    assert known["cannot_initiate"]["code"] == 403


async def test_access_and_topics_of_a_chat(control, simulator) -> None:
    await call(control, "POST", "/chats/-5/access", {"access": "kicked"})
    assert simulator.chats.find(-5).access == "kicked"
    await call(control, "POST", "/chats/-5/topics", {"id": 7, "open": False})
    assert simulator.chats.find(-5).topics == {7: False}
