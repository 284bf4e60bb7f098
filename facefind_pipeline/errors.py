"""The one exception that people see: a single clear line that names the file or key and says what to do."""


class FacefindError(Exception):
    """Something the user can mend. The command prints the message alone and exits with 1."""
