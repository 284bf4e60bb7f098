"""`facefind explain`: why a photo is, or is not, among a person's results."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.answer import clothes_in_words
from facefind_pipeline.cli.filters import DATE, country_of
from facefind_pipeline.cli.output import echo_json, echo_sheet, echo_table, echo_unknown, sheet_option
from facefind_pipeline.cli.workspace import chosen_set, json_option, open_reading, params_option
from facefind_pipeline.settings import clothes_count

if TYPE_CHECKING:
    from facefind_pipeline.search.worn_days import ClothesOfPhoto


@click.command(
    epilog="""\b
Examples:
  facefind explain Ada IMG_0042.jpg
  facefind explain Ada "day 2/IMG_0042.jpg" --params talk
  facefind explain Ada IMG_0042.jpg --from 2024-06-01 --to 2024-06-30 -n 20
  facefind explain Ada IMG_0042.jpg --sheet why.jpg      (it, and the faces that are ranked above it)"""
)
@click.argument("name")
@click.argument("photo")
@click.option("-n", "--limit", type=click.IntRange(1), help="Photos looked at; by default as many as show the person.")
@click.option("--day", "days", multiple=True, metavar="DAY", help="As in `facefind find`.")
@click.option("--from", "from_day", type=DATE, metavar="DATE", help="As in `facefind find`.")
@click.option("--to", "to_day", type=DATE, metavar="DATE", help="As in `facefind find`.")
@click.option("--country", help="As in `facefind find`.")
@sheet_option("the faces above it")
@params_option
@json_option
def explain(
    name: str,
    photo: str,
    limit: int | None,
    days: Sequence[str],
    from_day: datetime | None,
    to_day: datetime | None,
    country: str | None,
    sheet: Path | None,
    params: str | None,
    as_json: bool,
) -> None:
    """Say why PHOTO is, or is not, among the results of the person NAME, taking it that the photo shows them."""
    from facefind_pipeline.errors import FacefindError
    from facefind_pipeline.evaluation import explain as evaluation
    from facefind_pipeline.ingest.days import days_named
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.ingest.truth import find_photo
    from facefind_pipeline.presence import Look
    from facefind_pipeline.search.count import count_undated
    from facefind_pipeline.search.filters import Filters
    from facefind_pipeline.search.find import find_person
    from facefind_pipeline.store import photos, truth

    code = country_of(country)
    _, database = open_reading()
    with database.connect() as connection:
        chosen = chosen_set(connection, params)
        person = person_named(connection, name)
        filters = Filters(
            days=tuple(dict.fromkeys(day.key for name in days for day in days_named(connection, name))),
            from_day=from_day.date() if from_day else None,
            to_day=to_day.date() if to_day else None,
            country=code,
        )
        known_photos = truth.known_photos(connection)
        try:
            found = find_photo(known_photos, photo)
        except FacefindError:  # several of that name, or none
            if len(filters.days) != 1:
                raise
            found = find_photo(known_photos, photo, filters.days[0])
        assert found.sha256 is not None  # else it was not found
        looked_at = limit or evaluation.default_limit(connection, chosen.key, person, found.sha256)
        made = evaluation.explain(connection, chosen, person, found.sha256, limit=looked_at, filters=filters)
        undated = count_undated(connection, filters)
        file = photos.find_day(connection, found.event_day).file(found.path)
        row_of_photo = photos.photos(connection, found.event_day)[found.path]
        looks = made.fact.rank if sheet else None
        above = find_person(connection, chosen, person, limit=looks).matches if looks else []
    if sheet and above:
        echo_sheet(above, sheet, title=f"{person.name}, up to {found.path}")
    fact, facts = made.fact, made.facts
    look = Look()
    look.ask([file])
    clothes = made.clothes
    known = {
        "photo": found.path,
        "there": look.is_there(file),
        "note": row_of_photo.note,
        "taken": row_of_photo.taken_at and row_of_photo.taken_at.isoformat(" "),
        "taken by": row_of_photo.taken_source,
        "parameter set": chosen.key,
        "reason": made.loss.reason.value,
        "because": made.loss.detail,
        "rank": facts.rank,
        "rank by the face alone": clothes.face_rank,
        "score": clothes.score,
        "score by the face alone": clothes.face_score,
        "clothes": _clothes(made.clothes, person.name),
        "distance": fact.distance,
        "to the nearest reference": fact.plain_distance,
        "looks more like": fact.rival,
        "distance to them": fact.rival_distance,
        "faces of this set": len(facts.own_faces),
        "faces of other sets": len(facts.other_faces),
    }
    echo_unknown(undated, 0)
    if as_json:
        outranking = [{"photo": above.path, "score": above.distance} for above in facts.outranking]
        echo_json({**known, "file": str(file), "outranked by": outranking})
        return
    echo_table([{"": what, person.name: _short(value)} for what, value in known.items() if value is not None])


def _clothes(clothes: "ClothesOfPhoto", name: str) -> str:
    """What they added, or why they added nothing."""
    if not clothes_count():
        return "switched off by FACEFIND_CLOTHES"
    if clothes.separation is None:
        return f"not known of anybody on {clothes.event_day}"
    if clothes.separation == 0:
        return f"do not count on {clothes.event_day}: people are dressed alike there, or too few are sure"
    if clothes.log_odds is None:
        return f"not compared: none are seen below the face, or none of {name} in another sure photo of that day"
    return clothes_in_words(clothes.log_odds, clothes.photos) or "say little"


def _short(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) else value
