"""Colours of values: thresholds from alerts, fixed colours of known series, names and colours of states.

Appearance only: PromQL is in `queries`, panels are built in `panels`.
"""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from boards import colours
from boards.alerts import Alert, Severity

SEVERITY_COLOURS = {Severity.WARNING: colours.WARNING, Severity.CRITICAL: colours.CRITICAL}


def steps(*pairs: tuple[float | None, str]) -> builders.ThresholdsConfig:
    """Thresholds from (value, colour) pairs in rising order; the first value is None."""
    config = builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE)
    return config.steps([models.Threshold(value=value, color=colour) for value, colour in pairs])


def plain(colour: str = colours.PLAIN) -> builders.ThresholdsConfig:
    """One colour for every value, for a number that does not express health."""
    return steps((None, colour))


def health(*alerts: Alert) -> builders.ThresholdsConfig:
    """Green up to an alert's threshold, then the colour of its severity."""
    below = [alert for alert in alerts if alert.below]
    if below:
        lowest = below[0]
        return steps((None, SEVERITY_COLOURS[lowest.severity]), (lowest.threshold, colours.OK))
    return steps((None, colours.OK), *((alert.threshold, SEVERITY_COLOURS[alert.severity]) for alert in alerts))


def lines(*alerts: Alert) -> builders.ThresholdsConfig:
    """The thresholds of alerts, drawn as lines in a graph."""
    drawn = ((alert.threshold, SEVERITY_COLOURS[alert.severity]) for alert in alerts)
    return steps((None, "transparent"), *drawn)


def fixed(colour: str) -> models.DynamicConfigValue:
    """The property that gives a series one colour."""
    return models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


def coloured_text() -> models.DynamicConfigValue:
    """The property that writes a cell in the colour of its value."""
    return models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})


def words(states: Mapping[str, tuple[str, str]]) -> list[models.ValueMapping]:
    """Value mappings from a value to its text and colour."""
    results = {
        value: models.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(states.items())
    }
    return [models.ValueMap(options=results)]


def nothing(text: str, colour: str = colours.UNKNOWN) -> models.ValueMapping:
    """The text for a missing value: by default Grafana uses the colour of the first threshold, mostly green."""
    result = models.ValueMappingResult(text=text, color=colour)
    options = models.DashboardSpecialValueMapOptions(match=models.SpecialValueMatch.NULL_AND_NAN, result=result)
    return models.SpecialValueMap(options=options)


NO_DATA = nothing("no data")
BREAKER_STATES = words(
    {"0": ("closed", colours.OK), "1": ("open", colours.CRITICAL), "2": ("half-open", colours.NOTICE)}
)
OUTLIER_STATES = words({"0": ("as its peers", colours.OK), "1": ("outlier", colours.CRITICAL)})
SEVERITIES = words({"critical": ("critical", colours.CRITICAL), "warning": ("warning", colours.WARNING)})
UP_STATES = words({"0": ("down", colours.CRITICAL), "1": ("up", colours.OK)})
