"""Backfills: how many runs are told, as the daemon of a real sweep launched them."""

from facefind_pipeline.orchestration.backfills import runs_expected


def test_references_run_apart_where_index_and_results_wait_for_faces() -> None:
    # Two new sets over one day: two runs at the faces, two of references, two of index and results.
    new = {
        "detected_faces": ["a|x", "a|y"],
        "face_embeddings": ["a|x", "a|y"],
        "reference_embeddings": ["x", "y"],
        "hnsw_index": ["x", "y"],
        "search_results": ["x", "y"],
    }
    assert runs_expected(new) == 6
    aggregates = {name: keys for name, keys in new.items() if name not in {"detected_faces", "face_embeddings"}}
    assert runs_expected(aggregates) == 2
    assert runs_expected({"raw_photos": ["a", "b"]}) == 2
