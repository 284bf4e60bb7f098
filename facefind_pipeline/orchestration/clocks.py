"""The job that remembers that a camera's clock was wrong."""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from facefind_pipeline.orchestration import examples
from facefind_pipeline.orchestration.examples import EXAMPLES
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.plurals import counted


class ClockShiftConfig(dg.Config):
    """A camera and how far its clock was off."""

    camera: str = Field(description="Make and model, as the photos name it.")
    seconds: int = Field(description="Added to the camera's time, in place of what was set before.")
    day: str = Field(default="", description="Key of the one event day that this is true of; empty: of all.")


@dg.op
def set_clock_shift(
    context: dg.OpExecutionContext, config: ClockShiftConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Moves the times of the camera's photos, now and whenever they are read again."""
    from facefind_pipeline.store import clocks

    with workspace.database.connect() as connection:
        camera = clocks.find_camera(connection, config.camera)
        clocks.set_shift(connection, camera, config.day, timedelta(seconds=config.seconds))
        moved = clocks.photos_of(connection, camera, config.day)
    context.log.info(f"{camera}: {counted(moved.photos, 'photo')}, now from {moved.first} to {moved.last}")


@dg.job(config=examples.config(set_clock_shift={"camera": EXAMPLES.camera, "seconds": EXAMPLES.shift}))
def shift_camera_clock() -> None:
    """Remembers that a camera's clock was wrong, and moves the times of its photos."""
    set_clock_shift()
