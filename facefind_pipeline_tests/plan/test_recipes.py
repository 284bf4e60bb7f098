"""Recipes: the tables' versions are those that the assets record, and each recipe is of an asset of the graph."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.orchestration.partitions import day_sets, event_days, parameter_sets
from facefind_pipeline.plan.due import would_be_made_from
from facefind_pipeline.plan.recipes import RECIPES, Kind
from facefind_pipeline.store import people, photos, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.store.truth import TruthList
from facefind_pipeline_tests.store.rows import Photo, partition, write_photos

PARTITIONS = {Kind.WHOLE: None, Kind.DAY: event_days, Kind.DAY_SET: day_sets, Kind.SET: parameter_sets}
# What a row's text may be; the database holds no NUL and no half of a surrogate pair.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=8)


@pytest.fixture
def connection(database: Database):
    with database.connect() as connection:
        yield connection


def test_every_asset_that_is_made_has_a_recipe_from_what_it_depends_on() -> None:
    graph = build_defs().resolve_asset_graph()
    made = list(graph.materializable_asset_keys)
    assert {key.to_user_string() for key in made} == set(RECIPES)
    for key in made:
        node, recipe = graph.get(key), RECIPES[key.to_user_string()]
        assert node.partitions_def == PARTITIONS[recipe.kind]
        assert {parent.to_user_string() for parent in node.parent_keys} - {"set_fingerprint"} <= set(recipe.upstream)


def test_recipes_are_in_an_order_in_which_all_can_be_made() -> None:
    order = list(RECIPES)
    assert all(order.index(one) < order.index(recipe.asset) for recipe in RECIPES.values() for one in recipe.upstream)


@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(texts, st.none() | texts, max_size=6))
def test_a_days_version_is_that_of_its_rows(connection: Connection, day: dict[str, str | None]) -> None:
    partition(connection, "friday")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM photos")
    write_photos(connection, "friday", [Photo(path, path, problem=problem) for path, problem in day.items()])
    rows = photos.photos(connection, "friday").values()
    assert would_be_made_from(connection, "raw_photos", "friday") == photos.photos_version(rows)


def test_the_versions_of_people_and_truth_are_those_of_their_rows(connection: Connection) -> None:
    for name in ("Zoë", "Ada", 'B"ob\\'):
        person = Person(name.lower()[:1], name)
        people.add_reference(connection, ReferencePhoto(person, "a.jpg", name.encode(), name == "Ada"), "command")
        truth.write_list(connection, TruthList(f"{name}.csv", []), "command")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO people (person, display_name) VALUES ('alone', 'Alone')")
    assert would_be_made_from(connection, "reference_photos") == people.references_version(connection)
    assert would_be_made_from(connection, "truth_lists") == truth.truth_version(connection)


def test_every_asset_but_the_roots_has_a_condition() -> None:
    graph = build_defs().resolve_asset_graph()
    roots = [key for key in graph.materializable_asset_keys if graph.get(key).automation_condition is None]
    assert {key.to_user_string() for key in roots} == {"raw_photos", "reference_photos", "truth_lists"}
