"""Puts the lightbox that galleries use into the package, from its npm package: `python tools/vendor_photoswipe.py`.

It needs npm and the registry that npm is set up for; the files are committed, so that nothing else does.
"""

import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "photoswipe@5.4.4"
SHA256 = "4615d56b1f4f8e40f70c9f433a97803e5131d7166285b467ff63d26e42ef397b"  # of the package's archive
FILES = ("LICENSE", "dist/photoswipe.css", "dist/umd/photoswipe.umd.min.js")  # no modules: a file:// page loads none
PAGE = Path(__file__).parents[1] / "facefind_pipeline" / "publish" / "page" / "photoswipe"


def main() -> None:
    """Fetches the archive, checks that it is the pinned one, and replaces the package's copies of its files."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", PACKAGE, "--silent", "--pack-destination", folder], check=True)
        (archive,) = Path(folder).glob("*.tgz")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
            raise SystemExit(f"what npm fetched is not the pinned {PACKAGE}: nothing was changed")
        PAGE.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as package:
            for name in FILES:
                content = package.extractfile(f"package/{name}")
                assert content is not None
                (PAGE / Path(name).name).write_bytes(content.read())
    print(f"{PACKAGE}: {', '.join(FILES)}")


if __name__ == "__main__":
    main()
