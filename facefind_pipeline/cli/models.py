"""`facefind models`: model files that no package ships."""

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
    """What can be pulled, and what is present."""
    folder = read_settings().models
    rows = [
        {
            "model": model.name,
            "present": model.present(folder),
            "size": f"{model.bytes / 1000:.0f} kB",
            "licence": model.licence,
            "file": str(model.path(folder)),
        }
        for model in MODELS.values()
    ]
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
    """Fetch the model NAME into the models folder; kept only if its SHA-256 is the pinned one."""
    if name not in MODELS:
        raise FacefindError(f"no model {name!r}: there is {', '.join(MODELS)}")
    folder = read_settings().models
    if MODELS[name].present(folder):
        click.echo(f"{name} is there already: {MODELS[name].path(folder)}")
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
