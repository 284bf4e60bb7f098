"""How the answer of a search is printed: totals by band, and a row per photo that says why it is there."""

import os
from collections.abc import Collection
from math import log

import click

from facefind_pipeline.cli.output import echo_table
from facefind_pipeline.path_text import text_of
from facefind_pipeline.plurals import counted
from facefind_pipeline.search.matches import BANDS, CONFIRMED, UNLIKELY, Answer, Match
from facefind_pipeline.search.stored import KEPT

SAYS_LITTLE = log(2)  # of log odds: no more than half or twice as likely


def echo_answer(
    title: str, key: str, answer: Answer, shown: Collection[str] | None, *, filtered: bool = False, rest: str = "--all"
) -> None:
    """Prints the photos, how many there are of each band, and where they lie.

    Args:
        title: who, or what, was asked for.
        key: of the set.
        answer: the photos, best first.
        shown: the bands that were asked for; None is all.
        filtered: whether filters left photos out.
        rest: what to call for those that are not shown.
    """
    warn_if_stale(title, key, answer)
    if not answer.matches and not answer.photos and not any(answer.counts.values()):
        click.echo(f"no photos{' match these filters' if filtered else ' with faces yet'} under {key}", err=True)
        return
    totals = _nearest(answer, rest) if answer.cut is None else _by_band(answer, shown, rest)
    click.echo(f"{title}: {totals} (under {key})")
    subject = "photo" if key.startswith("whole@") else "face"
    echo_table([_row(match, subject, answer.cut) for match in answer.matches])
    roots = dict.fromkeys(text_of(match.file).removesuffix(match.photo).rstrip(os.sep) for match in answer.matches)
    if roots:
        click.echo(f"photos: below {', '.join(roots)}", err=True)


def warn_if_stale(title: str, key: str, answer: Answer) -> None:
    """Says on standard error that the answer is a first one, since stored results are not of what is there now."""
    if answer.stale:
        click.echo(
            f"the results of {title} under {key} are being refreshed, or wait for it: this is by the nearest reference "
            "alone; `facefind run PHOTOS` and `facefind dev` refresh them",
            err=True,
        )
    if answer.by_face:
        click.echo(
            f"{title}: these rest on the face alone: clothes count among the best {KEPT:,} photos, not enough here",
            err=True,
        )


def _nearest(answer: Answer, rest: str) -> str:
    """Where it is not known how likely each photo is."""
    here = len(answer.matches)
    if answer.photos is None:
        return f"the nearest {counted(here, 'photo')}; how likely they are is not known"
    if here == answer.photos:
        return f"{counted(here, 'photo')}, nearest first; how likely they are is not known"
    more = " or more" if answer.at_least else ""
    return f"the nearest {here:,} of {counted(answer.photos, 'photo')}{more}, {rest}; how likely they are is not known"


def _by_band(answer: Answer, shown: Collection[str] | None, rest: str) -> str:
    """`18 sure, 3 likely; 29 unlikely not shown, --all`."""
    counts = dict(answer.counts)
    if answer.photos is not None:
        counts[UNLIKELY] = max(0, answer.photos - sum(counts.values()))
    asked = [band for band in BANDS if shown is None or band in shown]

    def listed(bands: Collection[str]) -> list[str]:
        or_more = " or more" if answer.at_least else ""
        return [f"{counts[band]:,}{or_more if band == UNLIKELY else ''} {band}" for band in bands if counts.get(band)]

    text = ", ".join(listed(asked)) or f"no photo is {' or '.join(filter(None, (', '.join(asked[:-1]), asked[-1])))}"
    here = len(answer.matches)
    if here < sum(counts.get(band, 0) for band in asked):
        text += f" ({here:,} shown)"
    others = listed([band for band in BANDS if band not in asked])
    if UNLIKELY not in counts and UNLIKELY not in asked:
        others.append("unlikely ones")
    return f"{text}; {', '.join(others)} not shown, {rest}" if others else text


def _row(match: Match, subject: str, cut: float | None) -> dict[str, object]:
    return {
        "rank": match.rank,
        "match": match.band,
        "confidence": "" if match.probability is None or match.band == CONFIRMED else f"{match.probability:.1%}",
        "why": _why(match, subject, cut),
        "photo": match.photo,
        "file": "" if match.there else "gone",
        "event day": match.event_day,
        "taken": match.taken_at.strftime("%Y-%m-%d %H:%M") if match.taken_at else "",
        "place": ", ".join(part for part in (match.place, match.country) if part),
        "also": _copies(match),
    }


def _why(match: Match, subject: str, cut: float | None) -> str:
    """`confirmed`, or the number that ranks it beside the one up to which photos are likely; and what moved it."""
    if match.band == CONFIRMED:
        return CONFIRMED
    if cut is None:
        return f"{subject} {_short(match.score)}"
    rival = f", more like {match.rival}" if match.rival else ""
    clothes = clothes_in_words(match.clothes, match.clothes_photos)
    return f"{subject} {_short(match.score)} (cut {_short(cut)}){rival}{clothes and f', {clothes}'}"


def clothes_in_words(log_odds: float | None, photos: int | None) -> str:
    """`clothes as on 3 sure photos of that day`; empty where they say little, or nothing."""
    if log_odds is None or not photos or abs(log_odds) < SAYS_LITTLE:
        return ""
    return f"clothes {'as' if log_odds > 0 else 'unlike those'} on {counted(photos, 'sure photo')} of that day"


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.2f}".removeprefix("0")


def _copies(match: Match) -> str:
    first, more = [copy.photo for copy in match.copies[:1]], len(match.copies) - 1
    return "".join(first) + (f" and {more} more" if more > 0 else "")
