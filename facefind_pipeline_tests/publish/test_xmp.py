"""Sidecars with regions: right under all orientations, merged, never emptied; and as exiftool reads them."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.publish.xmp import Region, read_regions, region, with_region

exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="no exiftool")
ADA = Region("Ada Lovelace", 0.5, 0.25, 0.1, 0.2)

OTHERS_SIDECAR = """<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
<!-- of an editor -->
<x:xmpmeta xmlns:x='adobe:ns:meta/'><r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
 <r:Description r:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='5'
   xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:reg='http://www.metadataworkinggroup.com/schemas/regions/'
   xmlns:a='http://ns.adobe.com/xmp/sType/Area#' xmlns:d='http://ns.adobe.com/xap/1.0/sType/Dimensions#'>
  <dc:subject><r:Bag><r:li>wedding</r:li></r:Bag></dc:subject>
  <reg:Regions r:parseType='Resource'>
   <reg:AppliedToDimensions d:w='4000' d:h='3000' d:unit='pixel'/>
   <reg:RegionList><r:Bag>
    <r:li r:parseType='Resource'><reg:Name>Bob</reg:Name><reg:Type>Face</reg:Type>
     <reg:Area a:x='0.2' a:y='0.3' a:w='0.1' a:h='0.1' a:unit='normalized'/></r:li>
   </r:Bag></reg:RegionList>
  </reg:Regions>
 </r:Description></r:RDF></x:xmpmeta>
<?xpacket end='w'?>"""
BOB = Region("Bob", 0.2, 0.3, 0.1, 0.1)


def stored(flag: int, box: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
    """A picture as a camera stores it, which upright is black but for a white box."""
    upright = Image.new("L", size)
    upright.paste(255, (box[0], box[1], box[0] + box[2], box[1] + box[3]))
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(flag)
    return upright if method is None else upright.transpose(method)


@pytest.mark.parametrize("flag", range(1, 9))
@given(x=st.integers(0, 60), y=st.integers(0, 30), w=st.integers(1, 20), h=st.integers(1, 10))
def test_a_region_is_where_the_face_is_stored_under_every_orientation(
    flag: int, x: int, y: int, w: int, h: int
) -> None:
    size = (80, 40)
    picture = stored(flag, (x, y, w, h), size)
    exif = Image.Exif()
    exif[0x0112] = flag
    file = io.BytesIO()
    picture.save(file, "PNG", exif=exif)
    assert ImageOps.exif_transpose(Image.open(file)).size == size  # the picture is stored as the flag says
    rows, columns = np.nonzero(np.asarray(picture))
    found = region("Ada", (x, y, w, h), size, flag)
    left, right = (found.x - found.w / 2) * picture.width, (found.x + found.w / 2) * picture.width
    top, bottom = (found.y - found.h / 2) * picture.height, (found.y + found.h / 2) * picture.height
    expected = (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1)
    assert (left, right, top, bottom) == pytest.approx(expected, abs=1e-6)


shares = st.floats(0.01, 0.99)
# What XML can hold: no control characters, and no white space that it would fold.
names = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=30)


@given(name=names, x=shares, y=shares, w=shares, h=shares)
def test_a_region_is_read_as_it_was_written_and_written_once(name: str, x: float, y: float, w: float, h: float) -> None:
    written = Region(name, x, y, w, h)
    sidecar = with_region(None, written, (400, 300))
    (read,) = read_regions(sidecar)
    assert read.name == name
    assert (read.x, read.y, read.w, read.h) == pytest.approx((x, y, w, h), abs=1e-6)
    assert with_region(sidecar, written, (400, 300)) == sidecar


def test_a_region_is_added_to_those_that_are_there_and_nothing_is_lost() -> None:
    merged = with_region(OTHERS_SIDECAR.encode(), ADA, (4000, 3000))
    assert read_regions(merged) == [BOB, ADA]
    text = merged.decode()
    for kept in ("of an editor", "W5M0MpCehiHzreSzNTczkc9d", 'xmp:Rating="5"', "wedding", 'd:w="4000"'):
        assert kept in text


def test_a_region_of_the_same_face_is_replaced_and_one_elsewhere_kept() -> None:
    first = with_region(OTHERS_SIDECAR.encode(), ADA, (4000, 3000))
    moved, elsewhere = Region(ADA.name, 0.51, 0.26, 0.1, 0.2), Region(ADA.name, 0.9, 0.9, 0.1, 0.1)
    assert read_regions(with_region(first, moved, (4000, 3000))) == [BOB, moved]
    assert read_regions(with_region(first, elsewhere, (4000, 3000))) == [BOB, ADA, elsewhere]


@pytest.mark.parametrize(
    "inside",
    ["", "<r:Description r:about=''/>", "<r:Description r:about=''><q:a xmlns:q='urn:q'>1</q:a></r:Description>"],
)
def test_a_sidecar_without_regions_gets_the_first(inside: str) -> None:
    packet = f"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>{inside}</r:RDF>"
    merged = with_region(packet.encode("utf-16"), ADA, (4000, 3000))
    assert read_regions(merged) == [ADA]
    assert ("urn:q" in merged.decode()) == ("urn:q" in inside)


@pytest.mark.parametrize("packet", [b"", b"not XML", b"<a/>", OTHERS_SIDECAR[:300].encode()])
def test_what_is_no_xmp_is_refused_and_so_never_emptied(packet: bytes) -> None:
    with pytest.raises(FacefindError, match="XML"):
        with_region(packet, ADA, (4000, 3000))


RDF = "xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'"


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        ("<?xml version='1.0' encoding='nobodys'?><a/>", "no XML: unknown encoding"),
        ("<?xml version='1.0' encoding='utf-7'?><a/>", "no XML: multi-byte encodings"),
        ("<?xml version='1.0' encoding='rot13'?><a/>", "no XML: 'rot13' is not a text encoding"),
        (f"<r:RDF {RDF}>{'<a>' * 5000}{'</a>' * 5000}</r:RDF>", "XML that is nested too deeply"),
    ],
)
def test_odd_xml_is_refused_in_one_line(packet: str, reason: str) -> None:
    for read in (read_regions, lambda content: with_region(content, ADA, (4000, 3000))):
        with pytest.raises(FacefindError, match=f"^{reason}"):
            read(packet.encode())


PIECES = (
    *("<", ">", "/>", "&a;", "&#0;", "<![CDATA[", "]]>", "<!--", "-->", "<?", "?>", " xmlns:r=''", "mwg-rs:", "<r:li>"),
    *(
        "<!DOCTYPE x [<!ENTITY a 'b'>]>",
        "<!ATTLIST x y CDATA 'z'>",
        "<?xml version='1.0' encoding='cp037'?>",
        "\0",
        "é",
    ),
)


@given(st.lists(st.tuples(st.integers(0, len(OTHERS_SIDECAR)), st.integers(0, 3), st.sampled_from(PIECES)), max_size=4))
def test_a_damaged_sidecar_is_read_or_refused(changes: list[tuple[int, int, str]]) -> None:
    text = OTHERS_SIDECAR
    for place, lost, piece in changes:
        text = text[:place] + piece + text[place + lost :]
    try:
        merged = with_region(text.encode(), ADA, (4000, 3000))
    except FacefindError as error:
        assert "XML" in str(error)
    else:
        assert ADA in read_regions(merged)


@exiftool
@pytest.mark.proof
@pytest.mark.parametrize("flag", range(1, 9))
@pytest.mark.parametrize("packet", [None, OTHERS_SIDECAR.encode()], ids=["new", "merged"])
def test_exiftool_reads_the_regions(tmp_path: Path, flag: int, packet: bytes | None) -> None:
    box, size = (60, 10, 20, 30), (400, 300)
    picture = stored(flag, box, size)
    file = tmp_path / "photo.xmp"
    file.write_bytes(with_region(packet, region("Ada Lovelace", box, size, flag), picture.size))
    told = json.loads(subprocess.check_output(["exiftool", "-json", "-n", "-struct", "-XMP:all", file]))[0]
    last = told["RegionInfo"]["RegionList"][-1]
    rows, columns = np.nonzero(np.asarray(picture))
    area = last["Area"]
    assert last["Name"] == "Ada Lovelace"
    assert area["X"] * picture.width == pytest.approx((columns.min() + columns.max() + 1) / 2, abs=0.01)
    assert area["Y"] * picture.height == pytest.approx((rows.min() + rows.max() + 1) / 2, abs=0.01)
    if packet is None:
        assert (
            told["RegionInfo"]["AppliedToDimensions"]["W"],
            told["RegionInfo"]["AppliedToDimensions"]["H"],
        ) == picture.size
    else:
        assert told["RegionInfo"]["RegionList"][0]["Name"] == "Bob"
        assert (told["Rating"], told["Subject"]) == (5, ["wedding"])
