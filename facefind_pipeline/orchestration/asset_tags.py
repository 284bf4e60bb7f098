"""Tags of assets: what of photos and people each holds, to find and filter them by in the UI."""

from typing import Literal

Held = Literal["faces", "fingerprints", "names", "photos", "vectors"]


def holds(*what: Held) -> dict[str, str]:
    """Tags that say what an asset holds, as `holds/faces`."""
    return {f"holds/{one}": "" for one in what}
