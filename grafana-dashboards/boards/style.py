"""How values are coloured: thresholds from alerts, fixed colours of known series, words for states.

Only the look; what a panel asks of Prometheus stands in `queries`, how it is built in `panels`.
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
    """One colour, whatever the value: a number that is neither good nor bad."""
    return steps((None, colour))


def health(*alerts: Alert) -> builders.ThresholdsConfig:
    """Green until an alert's threshold is passed, then the colour of its severity."""
    below = [alert for alert in alerts if alert.below]
    if below:
        lowest = below[0]
        return steps((None, SEVERITY_COLOURS[lowest.severity]), (lowest.threshold, colours.OK))
    return steps((None, colours.OK), *((alert.threshold, SEVERITY_COLOURS[alert.severity]) for alert in alerts))


def lines(*alerts: Alert) -> builders.ThresholdsConfig:
    """The alerts' thresholds for a graph that draws them as lines."""
    drawn = ((alert.threshold, SEVERITY_COLOURS[alert.severity]) for alert in alerts)
    return steps((None, "transparent"), *drawn)


def fixed(colour: str) -> models.DynamicConfigValue:
    """The property that gives a series one colour."""
    return models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


def coloured_text() -> models.DynamicConfigValue:
    """The property that writes a cell in the colour of its value."""
    return models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})


def words(states: Mapping[str, tuple[str, str]]) -> list[models.ValueMapping]:
    """Value mappings from a value to its word and colour."""
    results = {
        value: models.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(states.items())
    }
    return [models.ValueMap(options=results)]


def nothing(text: str, colour: str = colours.UNKNOWN) -> models.ValueMapping:
    """What stands where there is no value: Grafana would take the colour of the best one."""
    result = models.ValueMappingResult(text=text, color=colour)
    options = models.DashboardSpecialValueMapOptions(match=models.SpecialValueMatch.NULL_AND_NAN, result=result)
    return models.SpecialValueMap(options=options)


NO_DATA = nothing("no data")
BREAKER_STATES = words(
    {"0": ("closed", colours.OK), "1": ("open", colours.CRITICAL), "2": ("half-open", colours.NOTICE)}
)
SEVERITIES = words({"critical": ("critical", colours.CRITICAL), "warning": ("warning", colours.WARNING)})
UP_STATES = words({"0": ("down", colours.CRITICAL), "1": ("up", colours.OK)})
