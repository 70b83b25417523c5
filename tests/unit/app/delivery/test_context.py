import pytest

from app.delivery.context import UpdateContext, current_update, require_update


def test_the_update_being_handled_is_found_in_one_place_and_only_while_it_is_handled() -> None:
    with pytest.raises(RuntimeError, match="no update is being handled"):
        require_update()
    context = UpdateContext(1, 1001, "private", 1001, deadline=0.0)
    token = current_update.set(context)
    assert require_update() is context
    current_update.reset(token)
    with pytest.raises(RuntimeError, match="no update is being handled"):
        require_update()
