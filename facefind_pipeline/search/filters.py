"""Which photos a search looks at: days, dates, places, the other people on them, the size of the face."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import query


@dataclass(frozen=True, slots=True)
class Near:
    """Within so many metres of a position, in degrees north and east (WGS84), on the sphere."""

    latitude: float
    longitude: float
    metres: float


@dataclass(frozen=True, slots=True)
class Company:
    """Who else is, or is not, on a photo: confirmed there, or sure or likely by the stored results of a set.

    Attributes:
        parameter_set: the set's key.
        cut: the score up to which its results are sure or likely.
        present: keys of people of whom all are on it.
        absent: keys of people of whom none is.
        only: keys of the people who alone may be on it; None lets everyone. Then no other face is on it either that is
            at least half as high as the one found: smaller ones are passers-by.
        clothes: whether these count in the stored results.
    """

    parameter_set: str
    cut: float
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    clothes: bool = True


@dataclass(frozen=True, slots=True)
class Filters:
    """Which photos to look at; None or empty is no limit.

    Attributes:
        days: keys of event days; a photo of any of them.
        from_day: taken on this day or later.
        to_day: taken on this day or earlier: it is included, as people mean it.
        country: ISO 3166-1 alpha-2 code.
        near: where it was taken.
        company: who else is on it.
        min_height: of the face found, in pixels of the upright photo.
        min_share: of the face found, of the photo's height.
    """

    days: tuple[str, ...] = ()
    from_day: date | None = None
    to_day: date | None = None
    country: str | None = None
    near: Near | None = None
    company: Company | None = None
    min_height: float | None = None
    min_share: float | None = None

    @property
    def given(self) -> bool:
        """Whether anything is limited."""
        return self != Filters()

    @property
    def of_face(self) -> bool:
        """Whether it also depends on the face found, not on the photo alone."""
        alone = self.company is not None and self.company.only is not None
        return alone or self.min_height is not None or self.min_share is not None

    @property
    def parameters(self) -> dict[str, object]:
        """For the queries."""
        near, company = self.near, self.company
        return {
            "days": list(self.days) or None,
            "taken_from": datetime.combine(self.from_day, time()) if self.from_day else None,
            "taken_until": datetime.combine(self.to_day, time.max) if self.to_day else None,
            "country": self.country,
            "latitude": near and near.latitude,
            "longitude": near and near.longitude,
            "metres": near and near.metres,
            "company_set": company and company.parameter_set,
            "company_cut": company and company.cut,
            "present": list(company.present) or None if company else None,
            "absent": list(company.absent) or None if company else None,
            "only": list(company.only) if company and company.only is not None else None,
            "min_height": self.min_height,
            "min_share": self.min_share,
        }


def wanted_photos(filters: Filters) -> sql.Composed:
    """The rows of `photos` that filters leave, as far as that does not depend on the face found.

    Where they were taken and who else is on them is asked only where it matters: the questions take PostgreSQL longer
    to read and plan than the search.
    """
    if not filters.given:
        return sql.SQL("SELECT * FROM photos").format()
    near = query("near") if filters.near else sql.SQL("")
    company = _company(filters.company) if filters.company else sql.SQL("")
    return query("wanted_photos", near=near, company=company)


def _company(company: Company) -> sql.Composed:
    score = sql.Identifier("score" if company.clothes else "face_score")
    return query("company", people_present=query("people_present", score=score))


def of_face(filters: Filters) -> sql.Composable:
    """The condition on the face found, of a row `best`; nothing where there is none, since it costs a join."""
    if not filters.of_face:
        return sql.SQL("")
    with_clothes = filters.company is None or filters.company.clothes
    return query("of_face", face_key=sql.SQL("r.face_key" if with_clothes else "coalesce(r.by_face_key, r.face_key)"))


def company_of(
    connection: Connection,
    chosen: RegisteredSet,
    person: Person | None,
    present: Sequence[Person],
    absent: Sequence[Person],
    *,
    only: bool,
    clothes: bool = True,
) -> Company | None:
    """Who else may be on the photos of a person; None where that is not limited.

    Raises:
        FacefindError: somebody is both wanted and not, or under this set nobody knows who is on a photo.
    """
    from facefind_pipeline.search.calibration import read_calibration

    if not (present or absent or only):
        return None
    for one in absent:
        if one == person or one in present:
            raise FacefindError(f"--without {one.name}: {one.name} is asked for")
    calibration = read_calibration(connection, chosen.key)
    if calibration is None:
        raise FacefindError(
            f"under {chosen.key} it is not known who is likely to be on a photo: --with, --without and --only ask "
            "another set, as --params recommended"
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT person FROM searches WHERE parameter_set = %s", [chosen.key])
        searched = {key for (key,) in cursor.fetchall()}
    for one in (*present, *absent):
        if one.key not in searched:
            raise FacefindError(
                f"{one.name} was not searched for yet under {chosen.key}: `facefind run PHOTOS --params {chosen.key}` "
                "does it"
            )
    allowed = tuple(one.key for one in (*([person] if person else []), *present)) if only else None
    cut = max(calibration.sure_cut, calibration.likely_cut)
    return Company(
        chosen.key, cut, tuple(one.key for one in present), tuple(one.key for one in absent), allowed, clothes
    )
