"""What parameter sets are called, without what their settings mean: aliases, `default`, names, and tables of keys.

Apart from `parameters`, whose models take a tenth of a second to load: a command that only reads need not.
"""

import hashlib
import re

ALIASES = {
    "recommended": "yunet-st0.60-px1280-sl2000@dlib",
    "hog": "hog-up1-px2000@dlib",
    "talk": "haar-sf1.05-mn2-ms100@imgbeddings",
}
DEFAULT = "default"  # no alias: in place of a key, the set that is the default of a home
NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")  # an alias, `default`, or a set's own name in a home; behind `embeddings_`
NAME_MAX_BYTES = 63  # PostgreSQL cuts longer identifiers


def table_of(key: str) -> str:
    """Name of the key's partition of `embeddings`, at most 63 bytes; no two keys share one."""
    slug = "embeddings_" + re.sub(r"[^a-z0-9]+", "_", key)
    # The slug would be the same for networks named `a_b` and `a__b`.
    if len(slug) <= NAME_MAX_BYTES and not re.search(r"[^a-z0-9]{2}", key):
        return slug
    digest = hashlib.sha256(key.encode()).hexdigest()[:10]
    return f"{slug[: NAME_MAX_BYTES - 11]}_{digest}"
