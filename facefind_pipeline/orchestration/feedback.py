"""The job that records feedback: that a photo shows a person, or that it does not."""

import dagster as dg
from pydantic import Field

from facefind_pipeline.faces import Box
from facefind_pipeline.orchestration.resources import Workspace


class PhotoFeedback(dg.Config):
    """A photo, and whether it shows the person."""

    sha256: str = Field(description="Of the photo's content, in hex.")
    face: list[int] = Field(
        default_factory=list, description="x, y, w, h of the person's face in upright pixels; empty: it is not shown."
    )
    by_hand: bool = Field(default=False, description="The box was drawn where no detector found a face, or on a back.")


class FeedbackConfig(dg.Config):
    """A person, and feedback on photos."""

    person: str = Field(description="The person's key.")
    photos: list[PhotoFeedback] = Field(description="Each photo once.")


@dg.op
def write_feedback(config: FeedbackConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Records it by the photos' content; the results of every set respect it when they are next made."""
    from facefind_pipeline.ingest.drawn_boxes import cut_thumbnail
    from facefind_pipeline.store.feedback import say

    with workspace.database.connect() as connection:
        for photo in config.photos:
            box = Box(*photo.face) if photo.face else None
            sha256 = bytes.fromhex(photo.sha256)
            drawn = cut_thumbnail(connection, sha256, box) if box and photo.by_hand else None
            say(connection, config.person, sha256, box, drawn)


@dg.job
def record_feedback() -> None:
    """Records that photos show a person, or that they do not."""
    write_feedback()
