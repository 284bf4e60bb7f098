"""Who does what is recorded with an author: the account, and where it was at work."""

import os
import pwd

COMMAND, PAGE, UI = "command", "page", "Dagster's UI"


def author(place: str) -> str:
    """The account of this process and a place, as `anna, command`."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run as accounts without a name
        name = f"account {os.getuid()}"
    return f"{name}, {place}"
