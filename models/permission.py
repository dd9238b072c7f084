"""What somebody may do in the whole house, whatever books they belong to."""

from enum import StrEnum


class Permission(StrEnum):
    """What clients are told in `viewer.permissions`; there will be more. Administrators have all of them."""

    USER_LIST = "auth:user:list"
    USER_ACTIVATE = "auth:user:activate"
