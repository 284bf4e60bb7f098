"""Counts what processes decode and embed, killed ones too: a module for PYTHONPATH, which patches the pipeline."""

from collections import Counter
from pathlib import Path

MODULE = """
import os, sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec

RECORD = os.open(os.environ["COUNTED_WORK"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def counted(function, word, size):
    def call(first, *rest, **named):
        os.write(RECORD, (word + "\\n").encode() * size(first, *rest))
        return function(first, *rest, **named)

    return call


class Counting(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "facefind_pipeline.vision.pipeline":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        execute = spec.loader.exec_module

        def patched(module):
            execute(module)
            embed_all = module._embed_parts
            module._decode = counted(module._decode, "decoded", lambda photo, *parts: 1)
            module._embed_parts = counted(embed_all, "embedded", lambda parts, _: sum(len(p.crops) for p in parts))

        spec.loader.exec_module = patched
        return spec


sys.meta_path.insert(0, Counting())
"""


class CountedWork:
    """What processes with `environment` did.

    Attributes:
        environment: to be added to theirs.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(MODULE)
        self._record = folder / "record"
        self.environment = {"PYTHONPATH": str(folder), "COUNTED_WORK": str(self._record)}

    def counts(self) -> Counter[str]:
        """How many photos were `decoded`, how many faces `embedded`."""
        return Counter(self._record.read_text().split()) if self._record.exists() else Counter()
