"""Parameter sets and their canonical key, `<detector>-<options>@<embedder>[-<options>]`, both ways.

The key is a partition key, a name in the UI and, as a slug, the name of a table; so one set of settings has exactly one
spelling. Options stand in the order of the model's fields, floats have two decimals, a required option is always
present and an option equal to its default never is.
"""

import itertools
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.set_names import ALIASES, table_of


class Option(str):
    """The letters that introduce a field's value in the key, as `sf` in `sf1.05`."""

    __slots__ = ()


class Part(BaseModel):
    """One side of the key: a name and its options."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str

    @field_validator("*", mode="after")
    @classmethod
    def _two_decimals(cls, value: object) -> object:
        return round(value, 2) if isinstance(value, float) else value

    @property
    def key(self) -> str:
        """This part of the canonical key."""
        tokens = [self.name]
        for name, option, field in _options(type(self)):
            value = getattr(self, name)
            if field.is_required() or value != field.default:
                tokens.append(option + _spell(value))
        return "-".join(tokens)

    @property
    def options(self) -> dict[str, Any]:
        """The settings without the name, for fingerprints and for people."""
        return self.model_dump(exclude={"name"})


class HaarSettings(Part):
    """OpenCV's Viola-Jones cascades on the grey photo (Viola and Jones, CVPR 2001)."""

    name: Literal["haar"] = "haar"
    scale_factor: Annotated[float, Option("sf"), Field(ge=1.01, le=2)]
    min_neighbours: Annotated[int, Option("mn"), Field(ge=0, le=100)]
    min_size: Annotated[int, Option("ms"), Field(ge=0, le=10_000, description="pixels of the full-size photo")]
    max_size: Annotated[int, Option("mx"), Field(ge=0, le=10_000, description="pixels; 0 is no limit")] = 0
    longest_side: Annotated[int, Option("px"), Field(ge=0, le=20_000, description="reduced to; 0 is full size")] = 0
    cascade: Annotated[Literal["default", "alt", "alt2", "alt_tree", "profile"], Option("cc")] = "default"


class HogSettings(Part):
    """dlib's frontal HOG detector (Dalal and Triggs, CVPR 2005; King, arXiv:1502.00046)."""

    name: Literal["hog"] = "hog"
    upsample: Annotated[
        int, Option("up"), Field(ge=0, le=3, description="times the photo is doubled before the search")
    ]
    longest_side: Annotated[int, Option("px"), Field(ge=0, le=20_000, description="reduced to; 0 is full size")]


class YunetSettings(Part):
    """YuNet (Wu, Peng and Yu, Machine Intelligence Research 2023)."""

    name: Literal["yunet"] = "yunet"
    score_threshold: Annotated[float, Option("st"), Field(ge=0.01, le=1)]
    longest_side: Annotated[int, Option("px"), Field(ge=0, le=20_000, description="reduced to; 0 is full size")]
    nms_threshold: Annotated[float, Option("nt"), Field(ge=0.01, le=1)] = 0.3
    second_look: Annotated[
        int,
        Option("sl"),
        Field(ge=0, le=20_000, description="reduced to so much again for small faces; 0 is never"),
    ] = 0

    @field_validator("second_look", mode="after")
    @classmethod
    def _looks_larger(cls, value: int, info: ValidationInfo) -> int:
        if value and not 0 < info.data.get("longest_side", 0) < value:
            raise ValueError("must be above px, the first look's")
        return value


class WholeSettings(Part):
    """The photo itself as one box, to find pictures that look alike."""

    name: Literal["whole"] = "whole"


class DlibSettings(Part):
    """dlib's 128-d face network on a crop aligned by five points."""

    name: Literal["dlib"] = "dlib"


class ImgbeddingsSettings(Part):
    """imgbeddings' CLIP ViT-B/32, 768-d, on the box cut from the photo; grey and without margin as in the talk."""

    name: Literal["imgbeddings"] = "imgbeddings"
    colour: Annotated[bool, Option("co")] = False
    margin: Annotated[float, Option("mg"), Field(ge=0, le=2, description="share of the box added on each side")] = 0.0


class ArcfaceSettings(Part):
    """A network of the ArcFace convention that the user added, on a crop aligned by five points."""

    name: Literal["arcface"] = "arcface"
    model: Annotated[
        str, Option("mo"), Field(pattern=r"^[a-z0-9_]+$", description="the name it was added under: a-z, 0-9 and _")
    ]


DetectorSettings = HaarSettings | HogSettings | YunetSettings | WholeSettings
EmbedderSettings = DlibSettings | ImgbeddingsSettings | ArcfaceSettings

DETECTORS: dict[str, type[DetectorSettings]] = {m.model_fields["name"].default: m for m in get_args(DetectorSettings)}
EMBEDDERS: dict[str, type[EmbedderSettings]] = {m.model_fields["name"].default: m for m in get_args(EmbedderSettings)}


class ParameterSet(BaseModel):
    """Detector settings and an embedder, immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    shape: ClassVar[str] = "<detector>-<options>@<embedder>[-<options>]"

    detector: Annotated[DetectorSettings, Field(discriminator="name")]
    embedder: Annotated[EmbedderSettings, Field(discriminator="name")]

    @cached_property
    def key(self) -> str:
        """The canonical key."""
        return f"{self.detector.key}@{self.embedder.key}"

    @property
    def table(self) -> str:
        """Name of this set's partition of `embeddings`."""
        return table_of(self.key)

    @classmethod
    def parse(cls, key: str) -> "ParameterSet":
        """The set that a canonical key or an alias names.

        Raises:
            FacefindError: not a key, or not the canonical spelling; the message shows that.
        """
        key = ALIASES.get(key, key)
        parsed = cls.normalise(key)
        if parsed.key != key:
            raise FacefindError(f"parameter set {key!r} is not in its canonical form: write {parsed.key!r}")
        return parsed

    @classmethod
    def normalise(cls, text: str) -> "ParameterSet":
        """The set that any spelling names: options in any order, defaults present, `sf1.1` for `sf1.10`.

        Raises:
            FacefindError: a name or an option that does not exist, is missing, or is out of range.
        """
        detector, at, embedder = text.partition("@")
        if not at:
            known = ", ".join(f"{alias} ({key})" for alias, key in ALIASES.items())
            raise FacefindError(f"parameter set {text!r} is not of the form {cls.shape}; known by name: {known}")
        return cls(
            detector=_parse_part(detector, DETECTORS, "detector", text),
            embedder=_parse_part(embedder, EMBEDDERS, "embedder", text),
        )


def expand(pattern: str) -> list[ParameterSet]:
    """The sets that a pattern names: `haar-sf{1.05,1.1}-mn{2,5}-ms60@dlib` is four; any spelling of a key will do.

    Raises:
        FacefindError: braces that do not match, or as `ParameterSet.normalise`.
    """
    texts = re.split(r"\{([^{}]*)\}", pattern)  # what stands outside braces and inside them in turn
    if any(brace in text for text in texts[::2] for brace in "{}"):
        raise FacefindError(f"the braces of {pattern!r} do not match: write choices as in sf{{1.05,1.10}}")
    choices = [[text] if place % 2 == 0 else text.split(",") for place, text in enumerate(texts)]
    keys = ("".join(chosen) for chosen in itertools.product(*choices))
    sets = (ParameterSet.normalise(ALIASES.get(key, key)) for key in keys)
    return list({one.key: one for one in sets}.values())


P = TypeVar("P", bound=Part)


def _options(model: type[Part]) -> Iterable[tuple[str, str, FieldInfo]]:
    for name, field in model.model_fields.items():
        for note in field.metadata:
            if isinstance(note, Option):
                yield name, note, field


def _spell(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _parse_part(text: str, models: dict[str, type[P]], what: str, whole: str) -> P:
    name, *tokens = text.split("-")
    if name not in models:
        raise FacefindError(f"parameter set {whole!r}: no {what} {name!r}; there are {', '.join(models)}")
    model = models[name]
    options = {option: field for field, option, _ in _options(model)}
    values: dict[str, str] = {}
    for token in tokens:
        # Longest first, so that an option is never taken for another's beginning.
        option = next((o for o in sorted(options, key=len, reverse=True) if token.startswith(o)), None)
        if option is None or options[option] in values:
            problem = "is given twice" if option else f"is no option of {name}"
            raise FacefindError(f"parameter set {whole!r}: {token!r} {problem}; write {_usage(model)}")
        values[options[option]] = token.removeprefix(option)
    try:
        return model.model_validate_strings(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        option = next((o for o, f in options.items() if f == field), field)
        raise FacefindError(
            f"parameter set {whole!r}: {option} ({field}): {first['msg'].lower()}; write {_usage(model)}"
        ) from None


def _usage(model: type[Part]) -> str:
    tokens = [
        f"-{option}<{name}>" if field.is_required() else f"[-{option}<{name}>]"
        for name, option, field in _options(model)
    ]
    return str(model.model_fields["name"].default) + "".join(tokens)
