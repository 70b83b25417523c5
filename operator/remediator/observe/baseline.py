"""Reading back what a scale-out noted on its target: the number that there was before it."""

from collections.abc import Iterable
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remediator.act.patches import entries_of_ours
from remediator.api.names import BASELINE_ANNOTATION
from remediator.api.remediation import ScaleKind
from remediator.decide.observed import ABSENT, Absent, SavedBaseline

_log = structlog.get_logger(__name__)


class _Note(BaseModel):
    """The annotation's JSON, as :mod:`remediator.act.execute` writes it."""

    model_config = ConfigDict(extra="forbid")

    kind: ScaleKind
    name: Annotated[str, Field(min_length=1, max_length=253)]
    replicas: Annotated[int, Field(ge=0)]


def read_baseline(annotations: dict[str, str], managed_fields: Iterable[Any]) -> SavedBaseline | Absent | None:
    """Return the note; ``None`` where it cannot be read, or where it is not the operator that wrote it.

    Whoever may annotate a workload must not thereby decide how far the operator scales it down.
    """
    text = annotations.get(BASELINE_ANNOTATION)
    if text is None:
        return ABSENT
    times = list(entries_of_ours(managed_fields, ("metadata", "annotations", BASELINE_ANNOTATION)))
    if not times:
        return None
    try:
        note = _Note.model_validate_json(text)
    except ValidationError as error:
        _log.warning("baseline annotation cannot be read", problems=error.error_count())
        return None
    return SavedBaseline(kind=note.kind, name=note.name, replicas=note.replicas, noted_at=max(times))
