"""The gateway's version."""

import platform
from importlib.metadata import version

from app.core import metrics

VERSION = version("bot-gateway")


def export_build_info() -> None:
    metrics.BUILD_INFO.labels(VERSION, platform.python_version()).set(1)
