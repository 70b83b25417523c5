"""Every name with a colour is a name that the gateway uses; closed sets are complete."""

from __future__ import annotations

from app.bot import callbacks
from app.bot.setup import COMMANDS
from app.core import metric_labels as labels
from boards import activity, colours, operator_panels, performance
from boards.colours import CRITICAL, NOTICE, OK, WARNING
from remediator.metrics import REPAIR_STAGES


def test_closed_sets_are_complete() -> None:
    assert colours.SERVICES.keys() == set(labels.SERVICES)
    assert colours.ROLES.keys() == {*labels.USER_ROLES, labels.OTHER}
    assert colours.OUTCOMES.keys() == set(labels.OUTCOMES)
    assert colours.SERVICE_ERRORS.keys() == set(labels.SERVICE_ERROR_TYPES)


def test_named_parts_of_the_bot_exist() -> None:
    assert set(activity.COMMANDS) <= COMMANDS
    assert set(activity.BUTTONS) <= set(callbacks.TYPES.values())
    assert set(performance.OPERATIONS) <= set(labels.REDIS_OPERATIONS)


def test_every_stage_of_a_repair_has_a_label() -> None:
    assert tuple(operator_panels.REPAIR_STAGES) == REPAIR_STAGES


def test_colours_of_health_are_not_used_for_identities() -> None:
    """Green, yellow, orange and red are never the colour of a mere name."""
    names = [colours.SERVICES, colours.ROLES, colours.PERCENTILES, colours.MEMORY, colours.SERVICE_ERRORS]
    identities = colours.identities(*(str(number) for number in range(10)))
    assert len(set(identities.values())) == len(identities)
    shown = {colour for known in (*names, identities, colours.POD_PATTERNS) for colour in known.values()}
    assert not shown & {OK, NOTICE, WARNING, CRITICAL}
