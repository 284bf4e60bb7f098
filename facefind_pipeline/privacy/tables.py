"""The part of the data map that is facefind's own tables: every column, and which rows go with what is forgotten."""

from facefind_pipeline.privacy.places import Kind, Table

_PERSON = "person = ANY(%(people)s::text[])"
_PHOTO = "sha256 = ANY(%(photos)s::bytea[])"
_FACE = "face_key = ANY(%(faces)s::uuid[])"
_BY_FACE = "by_face_key = ANY(%(faces)s::uuid[])"
_SET = "parameter_set = ANY(%(sets)s::text[])"
_DETECTOR = "detector_fingerprint = ANY(%(detectors)s::text[])"
_BOX = (
    "(sha256, x, y, w, h) IN (SELECT * FROM unnest(%(box_photos)s::bytea[],"
    " %(box_x)s::int[], %(box_y)s::int[], %(box_w)s::int[], %(box_h)s::int[]))"
)
UNTIL_PERSON = "until the person is forgotten or removed"
UNTIL_PHOTO = "until the photo is gone from its folder, or forgotten"
UNTIL_MADE_AGAIN = "until it is made again"

# In an order in which rows can be deleted: what refers to others comes first.
TABLES = (
    Table(
        "cut_references",
        {Kind.NAME: "person", Kind.FACE: "reference sha256 x y w h"},
        UNTIL_PERSON,
        f"{_PERSON} OR {_PHOTO} OR {_BOX}",
    ),
    Table(
        "ranked_photos",
        {
            Kind.SHOWN: "search sha256 face_key by_face_key rank confirmed",
            Kind.STATISTIC: "score distance plain_distance rival rival_distance clothes face_score by_face_distance "
            "by_face_rival by_face_rival_distance face_rank clothes_photos",
        },
        "until the next search of the person",
        f"{_PHOTO} OR {_FACE} OR {_BY_FACE} OR search IN (SELECT search FROM searches WHERE {_PERSON} OR {_SET})",  # noqa: S608
    ),
    Table(
        "searches",
        {Kind.NAME: "person", Kind.STATISTIC: "sure_photos", Kind.TECHNICAL: "parameter_set searched_at search"},
        "until the next search of the person",
        f"{_PERSON} OR {_SET}",
    ),
    Table(
        "group_faces",
        {Kind.SHOWN: "face_group sha256 face_key", Kind.TECHNICAL: "parameter_set rank"},
        UNTIL_MADE_AGAIN,
        f"{_PHOTO} OR {_FACE} OR {_SET}",
    ),
    Table(
        "face_groups",
        {Kind.NAME: "person", Kind.SHOWN: "face_group", Kind.TECHNICAL: "parameter_set"},
        UNTIL_MADE_AGAIN,
        f"{_PERSON} OR {_SET}",
    ),
    Table(
        "group_statement_faces",
        {Kind.FACE: "sha256 x y w h", Kind.STATED: "statement side"},
        UNTIL_PHOTO,
        f"{_PHOTO} OR {_BOX} OR statement IN (SELECT statement FROM group_statements WHERE {_PERSON})",  # noqa: S608
    ),
    Table(
        "group_statements",
        {Kind.NAME: "person", Kind.STATED: "kind", Kind.AUTHOR: "author", Kind.TECHNICAL: "statement stated_at"},
        UNTIL_PERSON,
        _PERSON,
    ),
    Table(
        "by_hand_embeddings",
        {
            Kind.NAME: "person",
            Kind.FACE: "sha256",
            Kind.VECTOR: "embedding",
            Kind.TECHNICAL: "embedder_fingerprint embedding_md5 problem",
        },
        "until what was said of the photo is taken back",
        f"{_PERSON} OR {_PHOTO} OR (person, sha256) IN (SELECT person, sha256 FROM feedback WHERE {_BOX})",  # noqa: S608
    ),
    Table(
        "feedback",
        {
            Kind.NAME: "person",
            Kind.FACE: "sha256 x y w h",
            Kind.STATED: "shown by_hand",
            Kind.PICTURE: "thumbnail",
            Kind.AUTHOR: "author",
            Kind.TECHNICAL: "added_at",
        },
        UNTIL_PERSON,
        f"{_PERSON} OR {_PHOTO} OR {_BOX}",
    ),
    Table(
        "truth",
        {Kind.NAME: "person", Kind.FACE: "sha256 x y w h", Kind.STATED: "note leave_out", Kind.TECHNICAL: "source"},
        "until the list is taken out",
        f"{_PERSON} OR {_PHOTO} OR {_BOX}",
    ),
    Table(
        "evaluations",
        {Kind.TEXT: "evaluation", Kind.TECHNICAL: "parameter_set evaluated_at"},
        UNTIL_MADE_AGAIN,
        "true",
    ),
    Table(
        "consents",
        {Kind.NAME: "person", Kind.STATED: "agreed until source given_on", Kind.TECHNICAL: "stated_at"},
        UNTIL_PERSON,
        _PERSON,
    ),
    Table(
        "approvals",
        {Kind.NAME: "person", Kind.AUTHOR: "approved_by", Kind.TECHNICAL: "approved_at"},
        UNTIL_PERSON,
        _PERSON,
    ),
    Table(
        "deliveries",
        {Kind.NAME: "person", Kind.SHOWN: "sha256", Kind.AUTHOR: "delivered_by", Kind.TECHNICAL: "delivered_at"},
        UNTIL_PERSON,
        f"{_PERSON} OR {_PHOTO}",
    ),
    Table(
        "guest_links",
        {
            Kind.NAME: "person",
            Kind.ACCESS: "token_hash pin_salt pin_hash wrong_pins",
            Kind.AUTHOR: "made_by",
            Kind.TECHNICAL: "link made_at expires_at closed_at",
        },
        UNTIL_PERSON,
        _PERSON,
    ),
    Table(
        "dismissed_references",
        {Kind.NAME: "person", Kind.PHOTO: "sha256"},
        "for good: pictures in the references folder that are not read again",
        _PERSON,
    ),
    Table(
        "reference_embeddings",
        {
            Kind.NAME: "person",
            Kind.PICTURE: "thumbnail",
            Kind.VECTOR: "embedding",
            Kind.FACE: "sha256 x y w h",
            Kind.TECHNICAL: (
                "parameter_set largest detector_fingerprint embedder_fingerprint embedding_md5 found_by problem"
            ),
        },
        "until the reference photo is taken out",
        f"{_PERSON} OR {_SET}",
    ),
    Table(
        "reference_photos",
        {
            Kind.NAME: "person",
            Kind.PICTURE: "content",
            Kind.PHOTO: "sha256 filename",
            Kind.TECHNICAL: "source largest added_at",
        },
        "until it leaves the references folder, or is taken out",
        _PERSON,
    ),
    Table("people", {Kind.NAME: "person display_name", Kind.TECHNICAL: "added_at"}, UNTIL_PERSON, _PERSON),
    Table(
        "embeddings",
        {
            Kind.VECTOR: "embedding",
            Kind.FACE: "sha256 face_key",
            Kind.TECHNICAL: "parameter_set detector_fingerprint embedder_fingerprint",
        },
        UNTIL_PHOTO,
        f"{_PHOTO} OR {_FACE} OR {_SET}",
    ),
    Table(
        "clothes",
        {Kind.PICTURE: "descriptor", Kind.FACE: "face_key sha256", Kind.TECHNICAL: "fingerprint"},
        UNTIL_PHOTO,
        f"{_PHOTO} OR {_FACE}",
    ),
    Table(
        "detected_faces",
        {
            Kind.PICTURE: "thumbnail",
            Kind.FACE: "sha256 face_key x y w h landmarks",
            Kind.STATISTIC: "score sharpness",
            Kind.TECHNICAL: "detector_fingerprint",
        },
        UNTIL_PHOTO,
        f"{_PHOTO} OR {_FACE} OR {_DETECTOR}",
    ),
    Table(
        "embedding_problems",
        {Kind.PHOTO: "sha256", Kind.TECHNICAL: "detector_fingerprint embedder_fingerprint problem"},
        UNTIL_PHOTO,
        f"{_PHOTO} OR {_DETECTOR}",
    ),
    Table(
        "detections",
        {Kind.PHOTO: "sha256", Kind.TECHNICAL: "detector_fingerprint seconds problem detected_at"},
        UNTIL_PHOTO,
        f"{_PHOTO} OR {_DETECTOR}",
    ),
    Table(
        "photos",
        {
            Kind.PHOTO: "path sha256 bytes mtime_ns inode taken_at taken_source camera_time latitude longitude "
            "position_source country place camera sidecars",
            Kind.TECHNICAL: "event_day problem format width height orientation note",
        },
        UNTIL_PHOTO,
        _PHOTO,
    ),
    # After `photos`: a trigger there notes what is deleted.
    Table("photos_gone", {Kind.PHOTO: "sha256"}, "until the next fill", _PHOTO),
    Table(
        "truth_lists",
        {Kind.TEXT: "source", Kind.TECHNICAL: "content days added_by added_at unlabelled_left_out"},
        "until the list is taken out",
    ),
    Table(
        "calibrations",
        {
            Kind.STATISTIC: "pairs tail_location tail_spread impostor_location impostor_spread genuine_location "
            "genuine_spread prevalence faces",
            Kind.TECHNICAL: "parameter_set measure calibrated_at",
        },
        UNTIL_MADE_AGAIN,
        _SET,
    ),
    Table(
        "clothes_days",
        {Kind.STATISTIC: "people same others separation", Kind.TECHNICAL: "parameter_set event_day"},
        UNTIL_MADE_AGAIN,
        _SET,
    ),
    Table(
        "index_builds",
        {
            Kind.TECHNICAL: "parameter_set method index_name rows recall seconds built_at vectors_changed halfvec m "
            "ef_construction lists"
        },
        "while the index is there",
        _SET,
    ),
    Table(
        "set_days",
        {Kind.TECHNICAL: "parameter_set event_day detector_fingerprint embedder_fingerprint clothes_fingerprint"},
        "until the day is taken out",
        _SET,
    ),
    Table(
        "parameter_sets",
        {
            Kind.TECHNICAL: "parameter_set table_name settings dimension metric active is_default index_method "
            "detector_fingerprint embedder_fingerprint vectors_version added_at vectors_changed name index_halfvec "
            "index_m index_ef_construction index_lists"
        },
        "until the set is forgotten",
        _SET,
    ),
    Table(
        "made",
        {Kind.TECHNICAL: "asset partition made_from data_version complete made_at"},
        "until it is made again",
        "split_part(partition, '|', 2) = ANY(%(sets)s::text[]) OR partition = ANY(%(sets)s::text[])",
    ),
    Table(
        "event_days",
        {Kind.PHOTO: "folder", Kind.TECHNICAL: "event_day root_id available registered_at"},
        "until it is forgotten, or FACEFIND_KEEP_DAYS days",
    ),
    Table("photo_roots", {Kind.PHOTO: "path", Kind.TECHNICAL: "root_id added_at"}, "until its days are forgotten"),
    Table("forgotten_folders", {Kind.PHOTO: "path", Kind.TECHNICAL: "forgotten_at"}, "until it is given by name"),
    Table("clock_shifts", {Kind.PHOTO: "camera", Kind.TECHNICAL: "event_day shift"}, "until the day is forgotten"),
    Table("fingerprints", {Kind.TECHNICAL: "fingerprint kind meaning first_seen"}, "for good"),
    Table(
        "forgettings",
        {Kind.TECHNICAL: "forgetting kind begun_at ended_at receipt"},
        "for good: proof that it was done, without names",
    ),
    Table(
        "tombstones",
        {Kind.TECHNICAL: "kind digest x y w h forgetting"},
        "for good, or until they are lifted: keyed hashes, so that nobody comes back",
    ),
    Table("cleanings", {Kind.TECHNICAL: "what cleaned_at"}, "for good"),
    Table("tombstone_key", {Kind.TECHNICAL: "singleton check_value"}, "for good"),
    Table("_yoyo_log", {Kind.AUTHOR: "username hostname", Kind.TECHNICAL: "id migration_hash migration_id operation "
          "comment created_at_utc"}, "stays empty"),
    Table("_yoyo_migration", {Kind.TECHNICAL: "migration_hash migration_id applied_at_utc"}, "for good"),
    Table("_yoyo_version", {Kind.TECHNICAL: "version installed_at_utc"}, "for good"),
    Table("yoyo_lock", {Kind.TECHNICAL: "locked ctime pid"}, "while the schema is changed"),
)  # fmt: skip
