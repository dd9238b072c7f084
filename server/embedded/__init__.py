"""The servers that we need, started by ourselves where there are none: no part of a deployment."""

from server.embedded.refusals import StackFailed, StackInUse
from server.embedded.running import found
from server.embedded.stack import Addresses, Stack
from server.embedded.wheels import ensure_supported

__all__ = ["Addresses", "Stack", "StackFailed", "StackInUse", "ensure_supported", "found"]
