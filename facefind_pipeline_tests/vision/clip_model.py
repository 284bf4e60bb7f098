"""A small stand-in for imgbeddings' CLIP model, and a Hugging Face cache that lets its processor load offline.

The model is no good at telling faces apart, but takes and gives what the real one does, the same on every machine.
"""

import json
from pathlib import Path

import numpy as np

PATCH, CHANNELS, DIMENSION = 32, 96, 768
PROCESSOR = "models--openai--clip-vit-base-patch32"
REVISION = "0" * 40


def make_clip_model(path: Path, seed: int = 0) -> Path:
    """Writes an ONNX with the real model's input and output: a patch convolution, ReLU, global mean, a projection.

    Another seed gives other content of the same kind.
    """
    from onnx import TensorProto, helper, numpy_helper, save

    rng = np.random.default_rng(seed)
    constants = {
        "filters": rng.standard_normal((CHANNELS, 3, PATCH, PATCH)) / PATCH,
        "projection": rng.standard_normal((CHANNELS, DIMENSION)),
    }
    nodes = [
        helper.make_node("Conv", ["pixel_values", "filters"], ["patches"], strides=[PATCH, PATCH]),
        helper.make_node("Relu", ["patches"], ["positive"]),
        helper.make_node("ReduceMean", ["positive"], ["pooled"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["pooled", "projection"], ["embeddings"]),
    ]
    graph = helper.make_graph(
        nodes,
        "test_clip",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["b", 3, 224, 224])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["b", DIMENSION])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def quantise(path: Path, out: Path) -> Path:
    """Writes the model's dynamically quantised copy, as imgbeddings' own is."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(path, out, weight_type=QuantType.QUInt8)
    return out


def make_hub_cache(folder: Path) -> dict[str, str]:
    """Fills a cache with the processor's files; returns the environment to set before huggingface_hub is imported.

    The text half of the processor is never used: two tokens are enough.
    """
    snapshot = folder / PROCESSOR / "snapshots" / REVISION
    snapshot.mkdir(parents=True, exist_ok=True)
    refs = folder / PROCESSOR / "refs"
    refs.mkdir(exist_ok=True)
    (refs / "main").write_text(REVISION)
    (folder / "version.txt").write_text("1")  # without it transformers takes the cache for one of 2022
    (snapshot / "vocab.json").write_text(json.dumps({"<|startoftext|>": 0, "<|endoftext|>": 1}))
    (snapshot / "merges.txt").write_text("#version: 0.2\n")
    (snapshot / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "feature_extractor_type": "CLIPFeatureExtractor",
                "image_processor_type": "CLIPImageProcessor",
                "do_resize": True,
                "size": 224,
                "resample": 3,
                "do_center_crop": True,
                "crop_size": 224,
                "do_normalize": True,
                "image_mean": [0.48145466, 0.4578275, 0.40821073],
                "image_std": [0.26862954, 0.26130258, 0.27577711],
            }
        )
    )
    return {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder)}
