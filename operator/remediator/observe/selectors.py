"""Label selectors: as text for a list call, and applied to labels that are here already."""

from collections.abc import Mapping

from kubernetes.aio import client


def selector_text(selector: client.V1LabelSelector) -> str:
    """Return the selector as the ``labelSelector`` of a list call has it."""
    parts = [f"{name}={value}" for name, value in sorted((selector.match_labels or {}).items())]
    for item in selector.match_expressions or []:
        values = ",".join(item.values or [])
        parts.append(
            {
                "In": f"{item.key} in ({values})",
                "NotIn": f"{item.key} notin ({values})",
                "Exists": item.key,
                "DoesNotExist": f"!{item.key}",
            }[item.operator]
        )
    return ",".join(parts)


def matches(selector: client.V1LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether the selector selects these labels; an empty one selects everything."""
    wanted = selector.match_labels or {}
    if any(labels.get(name) != value for name, value in wanted.items()):
        return False
    return all(_holds(item, labels) for item in selector.match_expressions or [])


def _holds(item: client.V1LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(item.key)
    if item.operator == "In":
        return value in (item.values or [])
    if item.operator == "NotIn":
        return value not in (item.values or [])
    return (value is not None) is (item.operator == "Exists")
