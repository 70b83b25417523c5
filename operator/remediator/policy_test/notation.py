"""Series in promtool's notation: ``ALERTS{alertname="X",pod="gw-a"}`` with values such as ``1x6 _x4 1``.

See "Unit testing for rules" of the Prometheus documentation, which this follows for numbers: ``axn`` is ``a`` and
n times more, ``a+bxn`` and ``a-bxn`` step by ``b``, ``_`` is a missing sample and ``_xn`` n of them, ``stale`` ends
a series. Histograms have no meaning for an alert and are refused.
"""

import re

_SERIES = re.compile(r"\s*(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?:\{(?P<labels>.*)\})?\s*", re.DOTALL)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:\\.|[^"\\])*)"\s*(?:,|$)')
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_VALUES = re.compile(rf"(?P<start>{_NUMBER})(?:(?P<step>[+-]\d+(?:\.\d+)?))?(?:x(?P<times>\d+))?")
_GAP = re.compile(r"_(?:x(?P<times>\d+))?")

MAX_SAMPLES = 20_000
"""Of one series: some days at a sample each 15 s; more is a mistyped number."""


class NotationError(ValueError):
    """A series or its values are not in promtool's notation."""


def parse_series(text: str) -> dict[str, str]:
    """Return an alert's labels; a name other than ``ALERTS`` is the alert's.

    Raises:
        NotationError: the text is not a series, has no alert name, or is not of a firing alert.
    """
    match = _SERIES.fullmatch(text)
    if match is None:
        raise NotationError(f'{text!r} is not a series such as ALERTS{{alertname="X",pod="gw-a"}}')
    labels = _parse_labels(match["labels"] or "", text)
    if match["name"] not in {None, "ALERTS"}:
        labels.setdefault("alertname", match["name"])
    if "alertname" not in labels:
        raise NotationError(f"{text!r} names no alert")
    if labels.pop("alertstate", "firing") != "firing":
        raise NotationError(f"{text!r} is not firing; Alertmanager knows firing alerts only")
    return labels


def parse_values(text: str) -> list[float | None]:
    """Return the samples of a series; ``None`` is a missing one.

    Raises:
        NotationError: the text is not in the notation.
    """
    samples: list[float | None] = []
    for word in text.split():
        samples += _samples(word)
        if len(samples) > MAX_SAMPLES:
            raise NotationError(f"a series has more than {MAX_SAMPLES} samples")
    return samples


def _samples(word: str) -> list[float | None]:
    if word == "stale":
        return [None]
    gap = _GAP.fullmatch(word)
    if gap is not None:
        return [None] * _times(gap["times"] or "1")
    match = _VALUES.fullmatch(word)
    if match is None:
        raise NotationError(f"{word!r} is not a value such as 1, 1x6, 0+1x4, _ or _x4")
    start, step = float(match["start"]), float(match["step"] or 0)
    if match["step"] and not match["times"]:
        raise NotationError(f"{word!r} steps without saying how often")
    return [start + step * index for index in range(_times(match["times"] or "0") + 1)]


def _times(text: str) -> int:
    times = int(text)
    if times > MAX_SAMPLES:
        raise NotationError(f"a series has more than {MAX_SAMPLES} samples")
    return times


def _parse_labels(text: str, series: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    position = 0
    while text[position:].strip():
        match = _LABEL.match(text, position)
        if match is None:
            raise NotationError(f'the labels of {series!r} are not written as name="value", ...')
        labels[match[1]] = re.sub(r"\\(.)", r"\1", match[2])
        position = match.end()
    return labels
