"""The explorer: the page that a browser finds at the API's address; nothing of it comes from elsewhere."""

from server.explorer.page import Explorer

__all__ = ["Explorer"]
