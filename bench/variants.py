"""What benchmarks replace in the product, to measure what it costs: nothing of it exists there."""

from collections.abc import Sequence

from facefind_pipeline.faces import Face
from facefind_pipeline.vision import apart, pipeline
from facefind_pipeline.vision.watched_process import NotStartedError


class WithoutClothes(pipeline.PhotoTask):
    """A photo whose faces' clothes are not described."""

    def to_describe(self, faces: Sequence[Face]) -> tuple[Face, ...]:  # noqa: ARG002 - of none of them
        """Nothing."""
        return ()


def without_clothes() -> None:
    """From now on no clothes are described."""
    pipeline.PhotoTask = WithoutClothes  # type: ignore[misc]


def in_threads() -> None:
    """From now on photos are decoded by threads of this process, if none was yet."""

    def refused() -> None:
        raise NotStartedError("measured without")

    apart.WatchedProcess = refused  # type: ignore[assignment,misc]
