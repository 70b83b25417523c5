from collections.abc import Iterator

import pytest
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import StorageKey

from app.delivery.context import UpdateContext, current_update
from app.delivery.fsm_storage import ClaimedIsolation, SnapshotStorage


class Dialog(StatesGroup):
    one = State()


@pytest.fixture
def context() -> Iterator[UpdateContext]:
    context = UpdateContext(1, 1001, "private", 1001, deadline=0, state="Dialog:zero", data={"a": 1})
    token = current_update.set(context)
    yield context
    current_update.reset(token)


def fsm(chat_id: int = 1001, user_id: int = 1001) -> FSMContext:
    return FSMContext(SnapshotStorage(), StorageKey(bot_id=42, chat_id=chat_id, user_id=user_id))


async def test_reading_changes_nothing(context: UpdateContext) -> None:
    assert await fsm().get_state() == "Dialog:zero"
    data = await fsm().get_data()
    data["a"] = 2
    assert context.data == {"a": 1}
    assert not context.fsm_changed


async def test_changes_land_in_the_snapshot(context: UpdateContext) -> None:
    await fsm().set_state(Dialog.one)
    await fsm().update_data(b=2)
    assert (context.state, context.data, context.fsm_changed) == ("Dialog:one", {"a": 1, "b": 2}, True)
    await fsm().clear()
    assert (context.state, context.data) == (None, {})


@pytest.mark.usefixtures("context")
async def test_another_s_dialogue_is_out_of_reach() -> None:
    with pytest.raises(RuntimeError, match="another chat or user"):
        await fsm(user_id=1002).set_state(Dialog.one)
    with pytest.raises(RuntimeError, match="another chat or user"):
        await fsm(chat_id=1002).get_data()


async def test_outside_an_update_there_is_no_dialogue() -> None:
    with pytest.raises(RuntimeError, match="while an update is handled"):
        await fsm().get_state()


async def test_nothing_is_locked_that_the_claim_has_locked_already() -> None:
    isolation = ClaimedIsolation()
    key = StorageKey(bot_id=42, chat_id=1, user_id=1)
    entered = 0
    async with isolation.lock(key), isolation.lock(key):
        entered += 1
    await isolation.close()
    assert entered == 1


async def test_what_the_commit_could_not_encode_fails_in_the_handler(context: UpdateContext) -> None:
    """There the user is told; at the commit every redelivery of the update would fail."""
    for value in ({1}, 2**64):
        with pytest.raises(TypeError):
            await fsm().update_data(b=value)
    assert (context.data, context.fsm_changed) == ({"a": 1}, False)
