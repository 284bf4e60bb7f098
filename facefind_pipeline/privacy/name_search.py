"""Names found in texts: as whole words of any script, and never within the name of somebody who stays."""

import re

from facefind_pipeline.privacy.needles import Needles


class NameSearch:
    """Finds names that go.

    Attributes:
        anywhere: a regular expression of Python and PostgreSQL alike that fits every text with such a name, and others:
            what a letter is depends on the database.
    """

    def __init__(self, needles: Needles) -> None:
        self.anywhere = "|".join(map(re.escape, needles.spellings))
        # The longest comes first, whoever it is of: where it fits no shorter one is looked for.
        forms = [(re.escape(name), f"({re.escape(name)})") for name in needles.spellings]
        forms += [(re.escape(name), re.escape(name)) for name in needles.other_spellings]
        forms.sort(key=lambda form: (-len(form[0]), form))
        self._pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(form for _, form in forms)})(?![\w-])")

    def count(self, text: str) -> int:
        """How often they are in it, which may be JSON."""
        return sum(match.lastindex is not None for match in self._pattern.finditer(_unescaped(text)))

    def replaced(self, text: str, by: str) -> str:
        """The text with something else in their place."""
        return self._pattern.sub(lambda match: match[0] if match.lastindex is None else by, text)


def _unescaped(text: str) -> str:
    """With letters where JSON has their numbers, so that words end where they do."""
    if "\\u" not in text:
        return text
    letters = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return letters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
