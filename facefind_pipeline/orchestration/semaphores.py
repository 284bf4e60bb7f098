"""Whether runs that Dagster launches can start on this machine: its code server makes a semaphore for each."""

import multiprocessing

from facefind_pipeline.errors import FacefindError


def require_semaphores() -> None:
    """Makes one as `dagster._grpc.server` does, which else fails with "Could not reach user code server".

    Raises:
        FacefindError: none can be made.
    """
    try:
        multiprocessing.get_context("spawn").Event()
    except OSError as error:
        raise FacefindError(
            f"shared memory can't be written ({(error.strerror or str(error)).lower()}), where each run that "
            "`facefind dev` and `facefind sweep` launch makes a semaphore: make /dev/shm writable for all users; "
            "`facefind run` does without"
        ) from None
