"""The rows, by what they break; importing them registers them, in the order in which they are played."""

from importlib import import_module

for _name in (
    *("redis", "postgres", "journal", "processes", "moments", "history", "editors", "owners"),
    *("readers", "storm", "sockets", "access", "jobs", "uploads"),
):
    import_module(f"{__name__}.{_name}")
