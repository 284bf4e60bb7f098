"""Sidecars that say who is where in a photo: regions as the Metadata Working Group's guidelines (2.0, 5.9) define them.

Their coordinates are shares of the picture as it is stored, before any EXIF orientation is applied. What a sidecar
already holds stays as it is; a region of the same person in the same place is replaced.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.dom import Node, minidom
from xml.parsers.expat import ExpatError

from facefind_pipeline.errors import FacefindError

if TYPE_CHECKING:
    from xml.dom.minidom import Document, Element

META = "adobe:ns:meta/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
AREA = "http://ns.adobe.com/xmp/sType/Area#"
DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
XMLNS = "http://www.w3.org/2000/xmlns/"
_EMPTY = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="{META}"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True, slots=True)
class Region:
    """A person's face in a stored picture: its middle and size as shares of the picture's width and height."""

    name: str
    x: float
    y: float
    w: float
    h: float

    def is_same(self, other: "Region") -> bool:
        """Whether both are one person's face: each has the middle of the other."""
        across, down = abs(self.x - other.x), abs(self.y - other.y)
        alike = across <= min(self.w, other.w) / 2 and down <= min(self.h, other.h) / 2
        return self.name == other.name and alike


def region(name: str, box: tuple[int, int, int, int], size: tuple[int, int], orientation: int) -> Region:
    """The region of a box.

    Args:
        name: of the person.
        box: x y w h in upright pixels.
        size: width and height of the upright picture, pixels.
        orientation: the EXIF flag, 1 to 8, that turns the stored picture upright.
    """
    x, y, w, h = box
    across, down = (x + w / 2) / size[0], (y + h / 2) / size[1]
    wide, high = w / size[0], h / size[1]
    stored = {
        1: (across, down),
        2: (1 - across, down),
        3: (1 - across, 1 - down),
        4: (across, 1 - down),
        5: (down, across),
        6: (down, 1 - across),
        7: (1 - down, 1 - across),
        8: (1 - down, across),
    }[orientation]
    return Region(name, *stored, *((high, wide) if orientation >= 5 else (wide, high)))


def with_region(packet: bytes | None, added: Region, stored_size: tuple[int, int]) -> bytes:
    """A sidecar's content with the region added; of a new sidecar if `packet` is None.

    Args:
        packet: the content of the one that is there, in any encoding of XML.
        added: the region.
        stored_size: width and height of the stored picture, pixels.

    Raises:
        FacefindError: what is there is no XMP: it must not be replaced.
    """
    with _parsed(packet if packet is not None else _EMPTY.encode()) as document:
        roots = document.getElementsByTagNameNS(RDF, "RDF")
        if not roots:
            raise FacefindError("XML without rdf:RDF")
        bag = _region_bag(document, roots[0], stored_size)
        for item in _children(bag):
            held = _read(item)
            if held is not None and held.is_same(added):
                bag.removeChild(item)
        _append_region(document, bag, added)
        return _serialised(document)


def read_regions(packet: bytes) -> list[Region]:
    """The named regions of a sidecar.

    Raises:
        FacefindError: it is no XML.
    """
    with _parsed(packet) as document:
        items = (
            item
            for regions in document.getElementsByTagNameNS(REGIONS, "RegionList")
            for item in regions.getElementsByTagNameNS(RDF, "li")
        )
        return [found for found in map(_read, items) if found is not None]


@contextmanager
def _parsed(packet: bytes) -> Iterator["Document"]:
    """A sidecar's document, for as long as it is worked on: what walks through it does so by recursion.

    Raises:
        FacefindError: it is no XML, or nested too deeply.
    """
    try:
        # Expat fetches no entity from elsewhere, and since 2.4.1 limits what those inside grow to.
        document = minidom.parseString(packet)  # noqa: S318
    except (ExpatError, LookupError, ValueError) as error:  # the last two of encodings that are odd or unknown
        raise FacefindError(f"no XML: {error}") from error
    try:
        yield document
    except RecursionError:
        raise FacefindError("XML that is nested too deeply") from None


def _region_bag(document: "Document", root: "Element", stored_size: tuple[int, int]) -> "Element":
    """The bag of the sidecar's regions, made with all around it where it is missing."""
    lists = list(root.getElementsByTagNameNS(REGIONS, "RegionList"))
    if not lists:
        structures = root.getElementsByTagNameNS(REGIONS, "Regions")
        structure = structures[0] if structures else _new_structure(document, root, stored_size)
        # A structure's fields are its own children, or those of a Description in it.
        inner = _children(structure, "Description")
        lists = [_append(document, inner[0] if inner else structure, REGIONS, "mwg-rs:RegionList")]
    bags = _children(lists[0])
    return bags[0] if bags else _append(document, lists[0], RDF, "rdf:Bag")


def _new_structure(document: "Document", root: "Element", stored_size: tuple[int, int]) -> "Element":
    descriptions = _children(root, "Description")
    description = descriptions[0] if descriptions else _append(document, root, RDF, "rdf:Description")
    structure = _append(document, description, REGIONS, "mwg-rs:Regions")
    _set(structure, RDF, "rdf:parseType", "Resource")
    applied = _append(document, structure, REGIONS, "mwg-rs:AppliedToDimensions")
    for name, value in (("w", str(stored_size[0])), ("h", str(stored_size[1])), ("unit", "pixel")):
        _set(applied, DIMENSIONS, f"stDim:{name}", value)
    return structure


def _append_region(document: "Document", bag: "Element", added: Region) -> None:
    item = _append(document, bag, RDF, "rdf:li")
    description = _append(document, item, RDF, "rdf:Description")
    for name, value in (("Name", added.name), ("Type", "Face")):
        _set(description, REGIONS, f"mwg-rs:{name}", value)
    area = _append(document, description, REGIONS, "mwg-rs:Area")
    for name, share in (("x", added.x), ("y", added.y), ("w", added.w), ("h", added.h)):
        _set(area, AREA, f"stArea:{name}", f"{share:.6f}")
    _set(area, AREA, "stArea:unit", "normalized")


def _children(parent: "Element", name: str | None = None) -> "list[Element]":
    """The elements right in it, all or those of that local name."""
    elements = (node for node in parent.childNodes if isinstance(node, minidom.Element))
    return [element for element in elements if name in (None, element.localName)]


def _append(document: "Document", parent: "Element", namespace: str, name: str) -> "Element":
    child = document.createElementNS(namespace, name)
    parent.appendChild(child)
    _declare(child, namespace, name)
    return child


def _set(element: "Element", namespace: str, name: str, value: str) -> None:
    _declare(element, namespace, name)  # first: so that what is read and written again stays the same
    element.setAttributeNS(namespace, name, value)


def _declare(element: "Element", namespace: str, name: str) -> None:
    """Declares the name's prefix where it does not mean the namespace already: sidecars choose their own prefixes."""
    attribute = f"xmlns:{name.partition(':')[0]}"
    around: minidom.Node | None = element
    while isinstance(around, minidom.Element):
        if around.hasAttribute(attribute):
            if around.getAttribute(attribute) == namespace:
                return
            break
        around = around.parentNode
    element.setAttributeNS(XMLNS, attribute, namespace)


def _read(item: "Element") -> Region | None:
    """The region of a list's item; None where it has no name or no area."""
    name = _property(item, REGIONS, "Name")
    areas = item.getElementsByTagNameNS(REGIONS, "Area")
    if name is None or not areas:
        return None
    try:
        return Region(name, *(float(_property(areas[0], AREA, key) or "") for key in ("x", "y", "w", "h")))
    except ValueError:
        return None


def _property(element: "Element", namespace: str, name: str) -> str | None:
    """A property written as attribute or as element, of the element or of what it holds."""
    for one in (element, *element.getElementsByTagName("*")):
        if one.hasAttributeNS(namespace, name):
            return str(one.getAttributeNS(namespace, name))
    found = element.getElementsByTagNameNS(namespace, name)
    return "".join(node.data for node in found[0].childNodes if node.nodeType == Node.TEXT_NODE) if found else None


def _serialised(document: "Document") -> bytes:
    """UTF-8 without an XML declaration, which a packet does not have."""
    return "\n".join(node.toxml() for node in document.childNodes).encode()
