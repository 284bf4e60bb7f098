"""Countries by code, by name and by the names that people use."""

import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.vision.countries import country_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Portugal", "PT"),
        ("portugal", "PT"),
        ("PT", "PT"),
        (" pt ", "PT"),
        ("Côte d'Ivoire", "CI"),
        ("the Netherlands", "NL"),
        ("Russia", "RU"),
        ("South Korea", "KR"),
        ("Türkiye", "TR"),
        ("UK", "GB"),
    ],
)
def test_country_code(text: str, code: str) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Protugal", r"unknown country 'Protugal': did you mean Portugal \(PT\)\?"),
        ("Po", r"unknown country 'Po': did you mean Poland \(PL\), Portugal \(PT\)\?"),
        ("Europe", "unknown country 'Europe': give its English name or its two-letter code"),
        ("EU", "unknown country 'EU'"),
        ("", "unknown country ''"),
    ],
)
def test_unknown_country(text: str, message: str) -> None:
    with pytest.raises(FacefindError, match=message):
        country_code(text)
