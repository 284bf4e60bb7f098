"""Results of the stream in batches to commit, and the end of it where photo after photo fails."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from facefind_pipeline.errors import FacefindError

if TYPE_CHECKING:
    from facefind_pipeline.vision.pipeline import PhotoFaces

COMMIT_EVERY = 25  # photos, each whole; with those in flight in `find_faces` a kill on two cores costs 40
FAILURES_IN_A_ROW = 3


def batches(results: Iterable["PhotoFaces"]) -> Iterator[list["PhotoFaces"]]:
    """Batches in the order of the results, but a photo that failed comes only once another after it did not.

    What ends the results before their end, as an interrupt does, is raised once those that are finished were given out.

    Raises:
        FacefindError: three photos failed in a row. By then all others were given out; those three never are, so that
            they are tried again.
    """
    batch: list[PhotoFaces] = []
    failed: list[PhotoFaces] = []
    coming = iter(results)
    while True:
        try:
            result = next(coming)
        except StopIteration:
            break
        except BaseException:
            if batch:
                yield batch
            raise
        if result.failed:
            failed.append(result)
        else:
            # A file that is gone or is no photo says nothing of the machine or the model.
            if not (result.vanished or result.problem or result.embedding_problem):
                batch += failed
                failed = []
            batch.append(result)
        if len(failed) == FAILURES_IN_A_ROW:
            if batch:
                yield batch
            raise FacefindError(_in_a_row(failed))
        if len(batch) >= COMMIT_EVERY:
            yield batch
            batch = []
    if batch or failed:
        yield batch + failed


def _in_a_row(failed: list["PhotoFaces"]) -> str:
    last = failed[-1]
    problem = last.problem or last.embedding_problem
    whose = "the machine or the model"
    if last.vanished:
        whose = "the machine, most often for want of memory (a run takes 1 GB, and 2 on large photos),"
    return (
        f"{problem}, on {len(failed)} photos in a row, the last of them {last.task.path}: that is {whose} "
        "rather than the photos; what was done before is kept, and the same command tries these again"
    )
