"""Writes the tables of docs/privacy.md anew from the data map; a test fails where that was forgotten."""

import re
from pathlib import Path

from facefind_pipeline.privacy.data_map import DAGSTER_TABLES, FILES
from facefind_pipeline.privacy.tables import TABLES

PAGE = Path(__file__).parents[1] / "docs" / "privacy.md"
BEGIN, END = "<!-- from the data map -->", "<!-- end -->"


def tables() -> str:
    """The three tables, in Markdown."""
    lines = ["### Tables", "", "| table | what it has: columns | kept | a row goes with |", "|---|---|---|---|"]
    for one in TABLES:
        classes = "; ".join(f"{kind.value}: `{names.replace(' ', '`, `')}`" for kind, names in one.columns.items())
        lines.append(f"| `{one.name}` | {classes} | {one.kept} | {_goes_with(one.erased)} |")
    lines += ["", "Each index is erased with its table, which is written anew.", "", "### Dagster's record", ""]
    lines += ["| table | what it has | kept |", "|---|---|---|"]
    lines += [f"| `{name}` | {what} | {kept} |" for name, (what, kept) in DAGSTER_TABLES.items()]
    lines += ["", "### Files of the home", "", "| files | what they have | kept | erased by |", "|---|---|---|---|"]
    for files in FILES:
        kinds = "whatever the tables have" if len(files.kinds) > 5 else "; ".join(kind.value for kind in files.kinds)
        lines.append(f"| `{files.pattern}` | {kinds} | {files.kept} | {files.erased or 'you'} |")
    return "\n".join(lines)


def _goes_with(condition: str) -> str:
    if condition == "true":
        return "anything that is forgotten"
    named = {"people": "person", "photos": "photo", "faces": "face", "box_photos": "face", "sets": "set"}
    parts = dict.fromkeys(named[one] for one in re.findall(r"%\((\w+)\)s", condition) if one in named)
    return ", ".join(parts) or "nothing"


def page(text: str) -> str:
    """The page with the tables of now."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE)
