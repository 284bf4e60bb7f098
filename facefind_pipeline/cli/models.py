"""`facefind models`: where the model files are, and the ones that a user adds."""

import click

from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import absolute, json_option
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import read_settings
from facefind_pipeline.vision.models import MODELS, pull

EXAMPLES = """\b
Examples:
  facefind models list
  facefind models pull yunet
  facefind models pull yunet --from face_detection_yunet_2023mar.onnx
  facefind models add mine network.onnx --mean 127.5 --std 127.5 --rgb
  facefind run PHOTOS --params yunet-st0.60-px2000@arcface-momine"""


@click.group(epilog=EXAMPLES)
def models() -> None:
    """Model files: nothing is downloaded unless asked for here."""


@models.command("list", epilog="\b\nExamples:\n  facefind models list\n  facefind models list --json")
@json_option
def list_models(as_json: bool) -> None:
    """What is present and where it comes from, and what can be pulled."""
    folder = read_settings().models
    rows = []
    for model in MODELS.values():
        file = model.find(folder)
        packaged = f"package {model.package}"
        rows.append(
            {
                "model": model.name,
                "present": file is not None,
                "from": "" if file is None else "models folder" if file == model.path(folder) else packaged,
                "size": f"{model.bytes / 1000:.0f} kB",
                "licence": model.licence,
                "file": str(file or model.path(folder)),
            }
        )
    if as_json:
        echo_json(rows)
    else:
        echo_table([row | {"present": "yes" if row["present"] else "no"} for row in rows])


@models.command(
    "pull", epilog="\b\nExamples:\n  facefind models pull yunet\n  facefind models pull yunet --from yunet.onnx"
)
@click.argument("name")
@click.option("--from", "source", type=click.Path(), metavar="FILE", help="Take a local copy instead of downloading.")
def pull_model(name: str, source: str | None) -> None:
    """Fetch the model NAME into the models folder if no package has it; kept only if its SHA-256 is the pinned one."""
    if name not in MODELS:
        raise FacefindError(f"no model {name!r}: there is {', '.join(MODELS)}")
    folder = read_settings().models
    if (present := MODELS[name].find(folder)) is not None:
        click.echo(f"{name} is available already: {present}")
        return
    click.echo(f"{name}: {pull(MODELS[name], folder, absolute(source) if source else None)}")


@models.command("add", epilog="\b\nExample:\n  facefind models add mine network.onnx --mean 127.5 --std 127.5 --rgb")
@click.argument("name")
@click.argument("file", type=click.Path())
@click.option("--mean", default=127.5, show_default=True, help="Subtracted from each channel's 0 to 255.")
@click.option("--std", default=127.5, show_default=True, help="By which the rest is divided.")
@click.option("--rgb/--bgr", default=True, show_default=True, help="Order of the channels.")
def add_model(name: str, file: str, mean: float, std: float, rgb: bool) -> None:
    """Add the face network FILE (ONNX, ArcFace convention: 112x112, five points) under NAME, for `@arcface-moNAME`."""
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.vision import arcface

    key = ParameterSet.parse(f"yunet-st0.60-px2000@arcface-mo{name}").key
    made = arcface.add_model(read_settings().models, name, absolute(file), mean=mean, std=std, rgb=rgb)
    click.echo(f"{name}: vectors of {made.dimension}, SHA-256 {made.sha256}; use it as --params {key}")
