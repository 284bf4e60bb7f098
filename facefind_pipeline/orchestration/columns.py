"""What Dagster's pages say of columns: what those of shown tables mean, and what those that assets write come from.

What the columns of the database's own tables mean is said in its migrations.
"""

import dagster as dg

from facefind_pipeline.evaluation.losses import Reason

BANDS = ("likely", "sure")

# Column of a table in an asset's metadata -> what it means.
SHOWN = {
    "95 %": "interval of the mAP, by resampling people",
    "AP": "average precision of the person's ranking",
    "AP by nearest reference": "the same, of a ranking by the nearest reference alone",
    "P@1": "share of the first photo that is right",
    "P@10": "share of the first ten photos that is right",
    "P@min(10,R)": "the same of as many as are right, at most ten",
    "R-precision": "share of the first R photos that is right, where R are right",
    "at distance": "at which F1 is best",
    "best F1": "of all cuts of the ranking, harmonic mean of precision and recall",
    "ceiling": "the recall that is possible with the faces that the detector found",
    "count": "whether clothes count on that day",
    "days": "event days that the list is of",
    "detail": "what is known of the photo and its faces",
    "detector, s per photo": "seconds, where they were measured",
    "distance": "of the nearest photo's face, in the embedder's own metric",
    "event_day": "key of the event day",
    "faces": "number of faces",
    "file": "name of the reference photo",
    "found by no other set": "right photos that are lost under every other set",
    "found_by": "detector that found the face, where it is not the set's",
    "group": "id of the group, as `facefind who` takes it",
    "left_out": "photos that count neither as right nor as wrong",
    "likely": "photos that are likely, beside the sure ones",
    "list": "name of the truth list",
    "mAP": "mean average precision of all people",
    "mAP by nearest reference": "the same, of rankings by the nearest reference alone",
    "nearest": "path of the first photo",
    "others": "faces of other people that were compared likewise",
    "people": "number of people",
    "person": "name of the person",
    "photo": "path of the photo",
    "photos": "number of photos",
    "photos left out": "that count neither as right nor as wrong",
    "problem": "why the reference is left out; empty where it is used",
    "ranked": "photos with a face, all of which are ranked",
    "reason": "why the photo was lost",
    "recall@10": "share of the right photos among the first ten",
    "references": "number of reference photos",
    "same": "faces that were compared with the same person's clothes in other photos",
    "separation": "standard deviations by which the same person's clothes are more alike; 0 where they do not count",
    "set": "key of the parameter set",
    "sure": "photos that are sure",
    "unlabelled": "how photos count that the list does not name",
    "unlabelled photos": "that no list names, and that count as wrong",
    **{f"recall, {band}": f"share of the right photos that is at least {band}" for band in BANDS},
    **{f"false matches, {band}": f"wrong photos that are at least {band}" for band in BANDS},
    **{f"false matches per person, {band}": f"wrong photos per person that are at least {band}" for band in BANDS},
    **{f"lost: {reason.value}": "right photos that were lost for this reason" for reason in Reason},
}

# Table that an asset writes -> column -> the assets' columns that it comes from. Roots have none.
_PIXELS = [("raw_photos", "path"), ("raw_photos", "orientation")]
_FACE = [("detected_faces", name) for name in ("x", "y", "w", "h", "landmarks")]
_REFERENCE = [("reference_photos", "content")]
_VECTOR = [("face_embeddings", "embedding")]
_FACE_KEY = [("face_embeddings", "face_key")]
_PERSON = [("reference_embeddings", "person")]
_DISTANCE = [*_VECTOR, ("reference_embeddings", "embedding")]
LINEAGE: dict[str, dict[str, list[tuple[str, str]]]] = {
    "detected_faces": {
        "sha256": [("raw_photos", "sha256")],
        **dict.fromkeys(("x", "y", "w", "h", "score", "landmarks", "thumbnail", "sharpness"), _PIXELS),
        "face_key": [("raw_photos", "sha256"), *_PIXELS],
    },
    "embeddings": {
        **{name: [("detected_faces", name)] for name in ("sha256", "face_key", "detector_fingerprint")},
        "embedding": [*_PIXELS, *_FACE],
    },
    "index_builds": {
        "parameter_set": [("face_embeddings", "parameter_set")],
        **dict.fromkeys(("rows", "recall"), _VECTOR),
    },
    "reference_embeddings": {
        **{name: [("reference_photos", name)] for name in ("person", "sha256", "largest")},
        **dict.fromkeys(("x", "y", "w", "h", "thumbnail", "embedding", "problem", "found_by"), _REFERENCE),
    },
    "search_results": {
        "parameter_set": [("face_embeddings", "parameter_set")],
        "sha256": [("face_embeddings", "sha256")],
        **dict.fromkeys(("person", "rival", "by_face_rival"), _PERSON),
        **dict.fromkeys(("face_key", "by_face_key"), _FACE_KEY),
        **dict.fromkeys(("rank", "face_rank", "distance", "score", "face_score", "plain_distance"), _DISTANCE),
        **dict.fromkeys(("rival_distance", "by_face_distance", "by_face_rival_distance"), _DISTANCE),
    },
    "group_faces": {
        **{name: [("face_embeddings", name)] for name in ("parameter_set", "sha256", "face_key")},
        **dict.fromkeys(("face_group", "rank"), _VECTOR),
    },
    "truth": {"person": [("reference_photos", "person")], "sha256": [("raw_photos", "sha256")]},
    "evaluations": {
        "parameter_set": [("search_results", "parameter_set")],
        "evaluation": [
            *[("search_results", name) for name in ("person", "rank", "score", "sha256")],
            *[("truth_lists", name) for name in ("person", "sha256", "leave_out")],
        ],
    },
}


def lineage_metadata(table: str) -> dict[str, dg.MetadataValue]:
    """What the columns of a table come from, for the page of the asset that writes it; nothing for a root's."""
    if table not in LINEAGE:
        return {}
    deps = {
        column: [dg.TableColumnDep(asset_key=dg.AssetKey(asset), column_name=name) for asset, name in sources]
        for column, sources in LINEAGE[table].items()
    }
    return {"dagster/column_lineage": dg.MetadataValue.column_lineage(dg.TableColumnLineage(deps))}
