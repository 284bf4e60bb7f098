"""The job that remembers what people say of single photos: that one shows a person, or that it does not."""

import dagster as dg
from pydantic import Field

from facefind_pipeline.orchestration.resources import Workspace


class FeedbackConfig(dg.Config):
    """A person, a photo, and what was said."""

    person: str = Field(description="The person's key.")
    sha256: str = Field(description="Of the photo's content, in hex.")
    face: list[int] = Field(
        default_factory=list, description="x, y, w, h of the person's face in upright pixels; empty: it is not shown."
    )


@dg.op
def remember_feedback(config: FeedbackConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Remembers it by the photo's content; the results of every set respect it when they are next made."""
    from facefind_pipeline.store.truth import say

    box = (config.face[0], config.face[1], config.face[2], config.face[3]) if config.face else None
    with workspace.database.connect() as connection:
        say(connection, config.person, bytes.fromhex(config.sha256), box)


@dg.job
def tell_of_photo() -> None:
    """Remembers that a photo shows a person, or that it does not."""
    remember_feedback()
