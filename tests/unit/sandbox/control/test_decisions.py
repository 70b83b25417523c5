"""The operator's decisions: from a replay's file, from the API server, or from nowhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.control.decisions import SHOWN, OperatorView, read_decisions
from sandbox.control.remediations import NO_SERVICE_ACCOUNT
from sandbox.settings import Settings

REMEDIATION = {
    "metadata": {"name": "rem-1"},
    "status": {
        "decisions": [
            {"at": "2026-11-24T12:00:00Z", "phase": "Pending", "reason": "Opened", "message": "It fires."},
            {
                "at": "2026-11-24T12:01:00Z",
                "phase": "Acting",
                "action": "RestartPods",
                "reason": "Minority",
                "message": "One of three.",
            },
        ]
    },
}


async def test_without_a_source_there_are_no_decisions() -> None:
    assert await OperatorView(Settings()).decisions() == {"source": "none", "items": []}


async def test_a_replay_file_is_read_latest_first_and_complete_lines_only(tmp_path: Path) -> None:
    file = tmp_path / "operator.jsonl"
    view = OperatorView(Settings(operator_file=file))
    assert await view.decisions() == {"source": "replay", "items": []}
    lines = [json.dumps({"at": str(number)}) + "\n" for number in range(SHOWN + 3)]
    file.write_text("".join(lines) + '{"at": "hal')
    found = read_decisions(file)
    assert [item["at"] for item in found] == [str(SHOWN + 2 - number) for number in range(SHOWN)]


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("secret")
    return tmp_path


async def cluster(account: Path, handler: Any) -> Any:
    app = web.Application()
    app.router.add_get("/namespaces/bots/remediations", handler)
    async with TestServer(app) as server:
        api = str(server.make_url("")).rstrip("/")
        return await OperatorView(Settings(remediations_namespace="bots"), account, api).decisions()


async def test_remediations_of_a_cluster(account: Path) -> None:
    async def remediations(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        return web.json_response({"items": [REMEDIATION, {"metadata": {"name": "rem-2"}}]})

    answer = await cluster(account, remediations)
    assert answer["source"] == "cluster"
    assert [(item["phase"], item["action"]) for item in answer["items"]] == [
        ("Acting", "RestartPods"),
        ("Pending", "None"),
    ]


async def test_without_a_service_account_an_error_is_returned(tmp_path: Path) -> None:
    view = OperatorView(Settings(remediations_namespace="bots"), tmp_path / "none")
    assert await view.decisions() == {"source": "cluster", "items": [], "error": NO_SERVICE_ACCOUNT}
