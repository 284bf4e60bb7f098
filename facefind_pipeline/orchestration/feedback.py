"""The job that records feedback: that a photo shows a person, or that it does not."""

import dagster as dg
from pydantic import Field

from facefind_pipeline.authors import UI, author
from facefind_pipeline.faces import Box
from facefind_pipeline.orchestration import examples
from facefind_pipeline.orchestration.agreement import AgreedConfig, is_agreed
from facefind_pipeline.orchestration.examples import EXAMPLES
from facefind_pipeline.orchestration.named_photos import NamedPhoto
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.set_names import DEFAULT


class PhotoFeedback(NamedPhoto):
    """A photo, and whether it shows the person."""

    shown: bool = Field(description="Whether the photo shows the person.")
    box: list[int] = Field(
        default_factory=list,
        description="x, y, w, h of the person in pixels of the photo as it is shown, where the face that ranks the "
        "photo is not meant.",
    )


class FeedbackConfig(AgreedConfig):
    """A person, and feedback on photos."""

    person: str = Field(description="The person's name or key.")
    photos: list[PhotoFeedback] = Field(description="Each photo once.")
    parameter_set: str = Field(
        default=DEFAULT, description="The set whose faces are meant; what was said holds in all."
    )
    author: str = Field(default_factory=lambda: author(UI), description="Who says so.")


@dg.op
def write_feedback(
    context: dg.OpExecutionContext, config: FeedbackConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Records it by the photos' content; the results of every set respect it when they are next made."""
    from facefind_pipeline.ingest.meant_face import meant_face
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.store import parameter_sets, truth
    from facefind_pipeline.store.feedback import say

    with workspace.database.connect() as connection:
        person, known = person_named(connection, config.person), truth.known_photos(connection)
        chosen = parameter_sets.find(connection, config.parameter_set)
        for said in config.photos:
            photo = said.found(connection, known)
            face = meant_face(connection, chosen, person, photo, _box(said)) if said.shown else None
            verb = "confirm" if said.shown else "reject"
            if is_agreed(context, config, f"{verb} {photo.path} for {person.name}"):
                assert photo.sha256 is not None  # else it was not found
                box, drawn = face or (None, None)
                say(connection, person.key, photo.sha256, box, drawn, config.author)


def _box(said: PhotoFeedback) -> Box | None:
    from facefind_pipeline.ingest.drawn_boxes import parse_box

    return parse_box(",".join(map(str, said.box))) if said.box else None


@dg.job(
    config=examples.config(
        write_feedback={
            "person": EXAMPLES.person,
            "photos": [{"photo": EXAMPLES.photo, "day": EXAMPLES.photo_day, "shown": True}],
            "agreed": False,
        }
    )
)
def record_feedback() -> None:
    """Records that photos show a person, or that they do not."""
    write_feedback()
