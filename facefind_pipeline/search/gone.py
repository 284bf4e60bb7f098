"""Photos that a search found and that are gone by now: they come after all that are there."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from facefind_pipeline.presence import Look
from facefind_pipeline.search.matches import Answer, Copy, Match
from facefind_pipeline.search.stored import KEPT

MORE = 4  # times as many photos are looked at, where too many of the first are gone


def there_first(search: Callable[[int | None], Answer], limit: int | None) -> Answer:
    """The best photos that are there, then those that are gone.

    At most as many photos are looked at as `search_results` keeps, or `limit`: where the nearest thousand are on a disk
    that is away, others are not looked for beyond them.

    Args:
        search: gives the best so many matches, best first; called again with more where too many are gone.
        limit: how many matches come back, if there are as many; None is all that the search gives.
    """
    look, wanted = Look(), limit
    while True:
        answer = search(wanted)
        ranked = gone_last(answer.matches, look)
        if limit is None or wanted is None:
            return replace(answer, matches=ranked)
        enough = sum(match.there for match in ranked) >= limit
        if enough or len(ranked) < wanted or wanted >= KEPT:
            return replace(answer, matches=ranked[:limit])
        wanted = min(wanted * MORE, KEPT)


def gone_last(matches: Sequence[Match], look: Look) -> list[Match]:
    """The matches with what is there now, those that are gone last; of a photo's files one that is there is shown."""
    look.ask(copy.file for match in matches for copy in _files(match))
    looked_at = sorted((_looked_at(match, look) for match in matches), key=lambda match: not match.there)
    return [replace(match, rank=rank) for rank, match in enumerate(looked_at, start=1)]


def _files(match: Match) -> list[Copy]:
    return [Copy(match.event_day, match.photo, match.file), *match.copies]


def _looked_at(match: Match, look: Look) -> Match:
    copies = [copy._replace(there=look.is_there(copy.file)) for copy in _files(match)]
    first, *others = sorted(copies, key=lambda copy: not copy.there)
    return replace(
        match, event_day=first.event_day, photo=first.photo, file=first.file, there=first.there, copies=tuple(others)
    )
