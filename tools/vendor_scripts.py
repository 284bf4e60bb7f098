"""Puts the scripts that our pages use into the package, from their npm packages: `python tools/vendor_scripts.py`.

It needs npm and the registry that npm is set up for; the files are committed, so that nothing else does.
"""

import hashlib
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).parents[1] / "facefind_pipeline"


@dataclass(frozen=True)
class Vendored:
    """An npm package, the SHA-256 of its archive, the files of it that we ship, and the folder for them."""

    package: str
    sha256: str
    files: tuple[str, ...]
    folder: Path


SCRIPTS = (
    Vendored(  # the lightbox of galleries
        "photoswipe@5.4.4",
        "4615d56b1f4f8e40f70c9f433a97803e5131d7166285b467ff63d26e42ef397b",
        ("LICENSE", "dist/photoswipe.css", "dist/umd/photoswipe.umd.min.js"),  # no modules: a file:// page loads none
        _PACKAGE / "publish" / "page" / "photoswipe",
    ),
    Vendored(  # of the pages that `facefind serve` answers with
        "htmx.org@2.0.8",
        "51351b2ac4b3bc065692a4dd1349a82f90bf7c526134937ccb25d3932c8ce954",
        ("LICENSE", "dist/htmx.min.js"),
        _PACKAGE / "web" / "static" / "htmx",
    ),
)


def main() -> None:
    """Fetches each archive, checks that it is the pinned one, and replaces the package's copies of its files."""
    for script in SCRIPTS:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["npm", "pack", script.package, "--silent", "--pack-destination", folder], check=True)
            (archive,) = Path(folder).glob("*.tgz")
            if hashlib.sha256(archive.read_bytes()).hexdigest() != script.sha256:
                raise SystemExit(f"what npm fetched is not the pinned {script.package}: its files were not changed")
            script.folder.mkdir(parents=True, exist_ok=True)
            with tarfile.open(archive) as package:
                for name in script.files:
                    content = package.extractfile(f"package/{name}")
                    assert content is not None
                    (script.folder / Path(name).name).write_bytes(content.read())
        print(f"{script.package}: {', '.join(script.files)}")


if __name__ == "__main__":
    main()
