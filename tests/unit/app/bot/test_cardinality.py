"""Hostile input creates no series outside the closed sets of the labels.

`HOSTILE_LABELS` sets how many there are; 100,000 take about two minutes.
"""

import os
import random
import string
from collections.abc import Iterator
from typing import Any

import pytest
from aiogram.types import Update

from app.bot import callbacks
from app.bot.message_types import message_type
from app.bot.middlewares.metrics import MetricsMiddleware
from app.bot.setup import COMMANDS
from app.bot.states import STATE_NAMES
from app.core import metrics
from app.core.activity import Activity
from app.core.metric_family import REGISTRY
from app.core.redis_metrics import measured
from app.delivery.context import CachedIdentity, RateDecision, UpdateContext, current_update
from app.delivery.pipeline import Pipeline, _role
from support.closed_sets import outside

LABELS = int(os.environ.get("HOSTILE_LABELS", "5000"))
_ALPHABET = string.printable + 'éшоўق\u202e\u0000\U0001f600"\\{}\n'


def word(rng: random.Random) -> str:
    return "".join(rng.choices(_ALPHABET, k=rng.choice((1, 3, 12, 60))))


def hostile_update(rng: random.Random, number: int) -> dict[str, Any]:
    user = {"id": number + 1, "is_bot": False, "first_name": word(rng), "language_code": word(rng)}
    chat = {"id": number + 1, "type": rng.choice(("private", "group"))}
    message: dict[str, Any] = {"message_id": 1, "date": 1, "chat": chat, "from": user}
    kind = rng.randrange(4)
    if kind == 0:
        return {"update_id": number, "message": {**message, "text": f"/{word(rng)}"}}
    if kind == 1:
        query = {"id": "1", "from": user, "chat_instance": "1", "message": message, "data": word(rng)}
        return {"update_id": number, "callback_query": query}
    if kind == 2:
        return {"update_id": number, "message": {**message, word(rng): {"a": 1}}}
    return {"update_id": number, "edited_message": {**message, "text": word(rng)}}


@pytest.fixture
def activity() -> Activity:
    return Activity(None, "bg", states=sorted(STATE_NAMES), session_ttl=1, fsm_ttl=1)  # type: ignore[arg-type]  # no Redis


def test_hostile_labels_stay_in_their_sets(activity: Activity) -> None:
    rng = random.Random(11)
    middleware = MetricsMiddleware(commands=COMMANDS, callback_types=callbacks.TYPES)
    pipeline = Pipeline.__new__(Pipeline)
    pipeline._known_states = STATE_NAMES
    # Another test may have created series outside the sets.
    before, left = len(list(series())), set(outside(REGISTRY.collect()))
    for number in range(LABELS):
        update = Update.model_validate(hostile_update(rng, number))
        context = UpdateContext(
            update_id=number,
            chat_id=1,
            chat_type="private",
            user_id=1,
            deadline=0,
            rate=RateDecision(allowed=False, warn=False),
            state=None,
            data={},
            identity=CachedIdentity({"role": word(rng), "language": word(rng)}, 0),
        )
        token = current_update.set(context)
        middleware._count(update, {})
        current_update.reset(token)
        assert pipeline._label(word(rng)) == "other"
        activity.record(number, _role(context), word(rng), word(rng))
        with measured(word(rng)):
            pass
        assert message_type(update) in metrics.MESSAGE_TYPES
    recorded = {value for item in activity._pending.values() for value in (item.role, item.before, item.after)}
    assert recorded == {"unknown", "other"}
    assert set(outside(REGISTRY.collect())) == left
    assert len(list(series())) - before < 200


def series() -> Iterator[Any]:
    return (sample for metric in REGISTRY.collect() for sample in metric.samples)
