"""The version of this house, as records and messages carry it."""

from importlib.metadata import PackageNotFoundError, version


def tool_version() -> str:
    """The installed distribution's version; "0+source" where it runs in place without being installed."""
    try:
        return version("wanbatch")
    except PackageNotFoundError:
        return "0+source"
