"""Truth lists: what fits becomes rows, and what does not is told in one line that names it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.truth import read_list, store_lists
from facefind_pipeline.store import truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.truth import KnownPhoto, TruthList, TruthRow
from facefind_pipeline_tests.store.rows import Photo, partition, table, vector, write_all, write_person

KNOWN = [
    KnownPhoto("friday", "Fri/IMG_1.jpg", b"1"),
    KnownPhoto("friday", "Fri/IMG_2.jpg", b"2"),
    KnownPhoto("saturday", "Sat/IMG_1.jpg", b"3"),
    KnownPhoto("saturday", "Sat/copy of 2.jpg", b"2"),
    KnownPhoto("saturday", "Sat/locked.jpg", None),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "by hand.csv"


def _read(file: Path, text: str) -> TruthList:
    file.write_text(text, encoding="utf-8")
    return read_list(file, KNOWN, ["ada", "jose-nunez"], ["friday", "saturday"])


def test_a_list_with_all_columns(file: Path) -> None:
    columns = "event_day,person,filename,note,x,y,w,h"
    made = _read(file, f"{columns}\nfriday,Ada,IMG_1.jpg,bar,10,20,30,40\nsaturday,José Núñez,IMG_1.jpg,,,,,\n")
    assert made.rows == [TruthRow("ada", b"1", (10, 20, 30, 40), "bar"), TruthRow("jose-nunez", b"3", None, None)]
    assert (made.source, made.days) == ("by hand.csv", None)


def test_names_alone_suffice_where_they_are_unique(file: Path) -> None:
    made = _read(file, "\ufefffilename, person\nIMG_2.jpg,Ada\nSat/IMG_1.jpg,ada\n")
    assert [row.sha256 for row in made.rows] == [b"2", b"3"]


def test_copies_of_one_photo_are_one_row(file: Path) -> None:
    assert len(_read(file, "person,filename\nAda,IMG_2.jpg\nAda,copy of 2.jpg\n").rows) == 1


def test_a_partial_list_says_which_days_it_covers(file: Path) -> None:
    assert _read(file, "# days: friday\nperson,filename\nAda,IMG_2.jpg\n").days == ("friday",)


def test_a_row_may_leave_a_photo_out(file: Path) -> None:
    made = _read(file, "person,filename,leave_out\nAda,Fri/IMG_1.jpg,yes\nAda,Sat/IMG_1.jpg,No\nAda,IMG_2.jpg,\n")
    assert [row.leave_out for row in made.rows] == [True, False, None]


@pytest.mark.parametrize("first", ["# unlabelled: leave out", "# Unlabelled: Leave out,,", "# unlabelled:leave out;;"])
def test_a_list_may_name_some_photos_only(file: Path, first: str) -> None:
    header = "person;filename" if ";" in first else "person,filename"
    assert _read(file, f"{first}\n{header}\n{header.replace('person', 'Ada').replace('filename', 'IMG_2.jpg')}\n") == (
        TruthList("by hand.csv", [TruthRow("ada", b"2")], None, unlabelled_left_out=True)
    )


@pytest.mark.parametrize(
    "first", ["# days: friday\n# unlabelled: leave out", "# unlabelled: leave out\n# days: friday"]
)
def test_both_first_lines_come_in_any_order(file: Path, first: str) -> None:
    made = _read(file, f"{first}\nperson,filename\nAda,IMG_2.jpg\n")
    assert (made.days, made.unlabelled_left_out) == (("friday",), True)


def test_what_a_list_leaves_out_is_a_part_of_its_content(file: Path) -> None:
    texts = ["{}", "# unlabelled: leave out\n{}", "{},leave_out\nAda,IMG_2.jpg,yes\n"]
    plain = "person,filename\nAda,IMG_2.jpg\n"
    made = [_read(file, text.format(plain if "yes" not in text else "person,filename")) for text in texts]
    assert len({one.content for one in made}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("person,filename,leave_out\nAda,IMG_2.jpg,maybe\n", "line 2: leave_out is 'maybe': `yes`, `no`, or nothing"),
        ("# unlabelled: keep\nperson,filename\n", "line 1: '# unlabelled: keep': .* is `# days: DAY, DAY` or"),
        ("# days: friday\n# a remark\nperson,filename\n", "line 2: '# a remark': a line before the columns"),
        ("person,filename\nAda,IMG_2.png\n", r"by hand.csv, line 2: no photo 'IMG_2.png': there is IMG_2.jpg"),
        ("person,filename\nAda,IMG_9.jpg\nAda,IMG_8.jpg\n", r"no photo 'IMG_9.jpg'.*\(and 1 more line\)"),
        ("person,filename,event_day\nAda,IMG_2.jpg,saturday\n", "no photo 'IMG_2.jpg' in event day 'saturday'"),
        ("person,filename\nAda,IMG_1.jpg\n", "is in several event days: friday.*saturday.*say which"),
        ("person,filename\nBob,IMG_2.jpg\n", "line 2: no person 'Bob'"),
        ("person,filename\nAda,IMG_2.jpg\nada,Fri/IMG_2.jpg\n", "line 3: Fri/IMG_2.jpg of ada is on line 2 already"),
        ("person,filename\nAda,locked.jpg\n", "could not be opened"),
        ("# days: sunday\nperson,filename\nAda,IMG_2.jpg\n", "no event day 'sunday': there is friday, saturday"),
        ("# days: friday\nperson,filename\nAda,Sat/IMG_1.jpg\n", "line 3: .* which `# days:` does not name"),
        ("name,filename\nAda,IMG_2.jpg\n", "its columns are name, filename: `person` and `filename` must be there"),
        ("person,filename,x,y,w,h\nAda,IMG_2.jpg,1,2,,4\n", "four numbers, or none"),
        ("person,filename,x,y,w,h\nAda,IMG_2.jpg,1,2,0,4\n", "above 0"),
        ("person,filename\n", "lists no photo"),
        ("", "its columns are none"),
    ],
)
def test_what_does_not_fit_is_told(file: Path, text: str, message: str) -> None:
    with pytest.raises(FacefindError, match=message):
        _read(file, text)


NFD_FOLDER = normalize("NFD", "Día 1")
AT_HOME = [
    KnownPhoto("dia-1", f"{NFD_FOLDER}/{normalize('NFD', 'José.jpg')}", b"1", "/home/me/photos"),
    KnownPhoto("dia-1", f"{NFD_FOLDER}/a\\b.jpg", b"2", "/home/me/photos"),
    KnownPhoto("day-2", "Day 2/José.png", b"3", "/home/me/photos"),
    KnownPhoto("day-3", "IMG_1.jpg", b"4", "/mnt/card"),
]


@pytest.mark.parametrize(
    ("content", "photo"),
    [
        ("person;filename\r\nJosé Núñez;José.jpg\r\n", b"1"),
        ("Person\tFILENAME\tNote\r\nJosé Núñez\tJosé.jpg\t\r\n", b"1"),
        ('"Filename","PERSON",,\n"José.jpg","José Núñez",,\n,,,\n', b"1"),
        ("sep=;\nperson;filename;x;y;w;h\nJosé Núñez;José.jpg;1,5;2;3;4\n", b"1"),
        ("person,filename\nJosé Núñez,/home/me/photos/Día 1/José.jpg\n", b"1"),
        ("person,filename\nJosé Núñez,D:\\party\\Día 1\\José.jpg\n", b"1"),
        ("person,filename\nJosé Núñez,Día 1\\José.jpg\n", b"1"),
        ("person,filename\nJosé Núñez,photos/Día 1/José.jpg\n", b"1"),
        ("person,filename\nJosé Núñez,a\\b.jpg\n", b"2"),
        ("person,filename\nJosé Núñez,E:\\DCIM\\IMG_1.jpg\n", b"4"),
        ("event_day,person,filename\nDía 1,José Núñez,José.jpg\n", b"1"),
        ('"# days: Día 1; day-2";;\nperson;filename;note\nJosé Núñez;José.jpg;\n', b"1"),
        ("# Days: Día 1, day-2,,\nperson,filename,note,x\nJosé Núñez,José.jpg,,\n", b"1"),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_as_spreadsheets_write_them(
    file: Path, content: str, photo: bytes, form: Literal["NFC", "NFD"], encoding: str
) -> None:
    file.write_bytes(normalize(form, content).encode(encoding))
    made = read_list(file, AT_HOME, ["jose-nunez"], ["dia-1", "day-2", "day-3"])
    assert [(row.person, row.sha256) for row in made.rows] == [("jose-nunez", photo)]
    assert made.days == (("dia-1", "day-2") if "ays:" in content else None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("person;filename\nJosé Núñez;José.jpg;bar\n", "by hand.csv, line 2: 3 cells in 2 columns: quote a cell"),
        ('person;filename\nJosé Núñez;"José.jpg\n', "by hand.csv, line 2: unexpected end of data"),
        ("person;filename;Person\n", "by hand.csv, line 1: its columns are person, filename, person"),
        ("\n\nperson;file\n", "by hand.csv, line 3: its columns are person, file"),
        ("# days: monday\nperson;filename\n", "by hand.csv, line 1: no event day 'monday'"),
        ("person,filename\n\nJosé Núñez,/elsewhere/Día 1/other/José.jpg\n", "line 3: no photo '/elsewhere"),
    ],
)
def test_what_is_wrong_is_reported_with_file_and_line(file: Path, text: str, message: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FacefindError, match=message):
        read_list(file, AT_HOME, ["jose-nunez"], ["dia-1", "day-2"])


def test_a_file_that_is_no_list(file: Path) -> None:
    with pytest.raises(FacefindError, match="can't be read: no such file"):
        read_list(file, KNOWN, [], [])
    file.write_bytes(b"person,filename\nJos\xe9,IMG_2.jpg\n")
    with pytest.raises(FacefindError, match=r"no person .José."):
        read_list(file, KNOWN, [], [])


@pytest.fixture
def event(database: Database) -> None:
    with database.connect() as connection:
        friday = partition(connection, "friday")
        write_all(connection, friday, [Photo(f"IMG_{n}.jpg", str(n), [vector(n)]) for n in range(3)])
        write_person(connection, friday, "Ada", [vector(0)])


@pytest.mark.usefixtures("event")
def test_lists_of_the_folder_come_and_go_and_those_of_the_command_stay(database: Database, tmp_path: Path) -> None:
    folder, told = tmp_path / "truth", []
    folder.mkdir()
    (folder / "a.csv").write_text("person,filename\nAda,IMG_0.jpg\n")
    (folder / "bad.csv").write_text("person,filename\nAda,IMG_7.jpg\n")
    given = tmp_path / "given.csv"
    given.write_text("person,filename\nAda,IMG_1.jpg\n")
    first, frame = store_lists(database, folder, [given], told.append)
    assert frame[["list", "people", "photos"]].values.tolist() == [["a.csv", 1, 1], ["given.csv", 1, 1]]
    assert len(told) == 1
    assert "IMG_7.jpg" in told[0]
    assert store_lists(database, folder, [], told.append)[0] == first
    (folder / "a.csv").unlink()
    second, frame = store_lists(database, folder, [], told.append)
    assert frame["list"].tolist() == ["given.csv"]
    assert second != first
    with database.connect() as connection:
        assert len(table(connection, "SELECT FROM truth")) == 1


@pytest.mark.usefixtures("event")
def test_what_a_list_leaves_out_is_stored_and_counted(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "some.csv"
    file.write_text("# unlabelled: leave out\nperson,filename,leave_out\nAda,IMG_0.jpg,\nAda,IMG_1.jpg,yes\n")
    _, frame = store_lists(database, tmp_path / "none", [file], print)
    assert frame.to_dict("records") == [
        {"list": "some.csv", "people": 1, "photos": 1, "left_out": 1, "days": "all", "unlabelled": "left out"}
    ]
    with database.connect() as connection:
        rows = table(connection, "SELECT leave_out FROM truth ORDER BY leave_out NULLS LAST")
    assert rows == [(True,), (None,)]


@pytest.mark.usefixtures("event")
def test_two_lists_do_not_share_rows(database: Database, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("person,filename\nAda,IMG_0.jpg\n")
    with pytest.raises(FacefindError, match=r"b.csv: a.csv lists photos of 'ada' too"):
        store_lists(database, tmp_path / "none", [tmp_path / "a.csv", tmp_path / "b.csv"], print)
    with database.connect() as connection:
        assert truth.lists(connection) == []


@pytest.mark.usefixtures("event")
def test_a_row_may_move_from_one_list_of_the_folder_to_another(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("person,filename\nAda,IMG_0.jpg\n")
    (tmp_path / "b.csv").write_text("person,filename\nAda,IMG_1.jpg\nAda,IMG_2.jpg\n")
    told: list[str] = []
    store_lists(database, tmp_path, [], told.append)
    (tmp_path / "a.csv").write_text("person,filename\nAda,IMG_0.jpg\nAda,IMG_1.jpg\n")
    (tmp_path / "b.csv").write_text("person,filename\nAda,IMG_2.jpg\n")
    _, frame = store_lists(database, tmp_path, [], told.append)
    assert (frame[["list", "photos"]].values.tolist(), told) == ([["a.csv", 2], ["b.csv", 1]], [])


CELLS = (
    st.sampled_from(["Ada", "ada", "José Núñez", "IMG_1.jpg", "Fri/IMG_1.jpg", "friday", "yes", "10", "-1", ""])
    | st.text()
)
HEADS = ["person", "filename", "event_day", "note", "x", "y", "w", "h", "leave_out"]


@given(
    columns=st.lists(st.sampled_from(HEADS) | st.text(max_size=8), max_size=9),
    rows=st.lists(st.lists(CELLS, max_size=9), max_size=5),
    first=st.sampled_from(["", "# days: friday", "# unlabelled: leave out"]) | st.text(max_size=20),
    separator=st.sampled_from([",", ";", "\t"]),
)
def test_any_list_is_read_or_refused_in_one_line_that_names_the_file(
    columns: list[str], rows: list[list[str]], first: str, separator: str
) -> None:
    text = "\n".join(filter(None, [first, *(separator.join(row) for row in [columns, *rows])]))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "by hand.csv"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            made = read_list(file, KNOWN, ["ada", "jose-nunez"], ["friday", "saturday"])
        except FacefindError as error:
            assert "by hand.csv" in str(error)
            assert "\n" not in str(error)
        else:
            assert {row.person for row in made.rows} <= {"ada", "jose-nunez"}
            assert {row.sha256 for row in made.rows} <= {photo.sha256 for photo in KNOWN}
