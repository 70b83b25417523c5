"""Pieces of JSON Patch (RFC 6902) and of managed fields that the actions share."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from remediator.api.names import FIELD_MANAGER
from remediator.kubernetes_api import Patch


def escaped(key: str) -> str:
    """Return a key as one part of a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def field_managers(managed_fields: Iterable[Any], path: tuple[str, ...]) -> set[str]:
    """Return who owns a field, for example ``("spec", "replicas")``.

    ``managed_fields`` are entries as the client's models or as JSON objects have them.
    """
    return {_of(entry, "manager", "manager") for entry in managed_fields if _owns(entry, path)}


def entries_of_ours(managed_fields: Iterable[Any], path: tuple[str, ...]) -> Iterator[datetime]:
    """Yield when the operator wrote a field, for each of its entries that has the field."""
    for entry in managed_fields:
        written = _of(entry, "time", "time")
        if _of(entry, "manager", "manager") == FIELD_MANAGER and written is not None and _owns(entry, path):
            yield written if isinstance(written, datetime) else datetime.fromisoformat(written)


def _owns(entry: Any, path: tuple[str, ...]) -> bool:
    fields: Any = _of(entry, "fieldsV1", "fields_v1") or {}
    for part in path:
        if not isinstance(fields, dict) or f"f:{part}" not in fields:
            return False
        fields = fields[f"f:{part}"]
    return True


def release_patch(managed_fields: Iterable[Any]) -> Patch:
    """Return the patch that removes our entries, so that a later ``helm upgrade`` finds no conflict.

    Each removal is guarded by a test of the manager's name, since the list may have moved meanwhile; the last
    entry goes first, so that the positions of the others stay right.
    """
    ours = [index for index, entry in enumerate(managed_fields) if _of(entry, "manager", "manager") == FIELD_MANAGER]
    patch: Patch = []
    for index in reversed(ours):
        patch.append({"op": "test", "path": f"/metadata/managedFields/{index}/manager", "value": FIELD_MANAGER})
        patch.append({"op": "remove", "path": f"/metadata/managedFields/{index}"})
    return patch


def _of(entry: Any, json_name: str, model_name: str) -> Any:
    return entry.get(json_name) if isinstance(entry, dict) else getattr(entry, model_name, None)
