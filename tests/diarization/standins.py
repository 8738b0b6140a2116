"""Small ONNX models in the place of those that tell voices apart: a low tone and a high one.

They have the inputs, outputs and metadata that sherpa-onnx asks of pyannote's segmentation and
3D-Speaker's embeddings, and are made of a dozen operations each.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RATE = 16_000
LOW, HIGH = 300.0, 2000.0  # Hz
WINDOW, FIELD, STEP = 10 * RATE, 991, 270
QUIET = 0.05


def segmentation(path: Path) -> Path:
    """Hear a low tone as the first speaker of a window and a high one as the second."""
    constants = {
        "difference": np.array([[[1.0, -1.0]]], np.float32),
        "quiet": np.array(QUIET, np.float32),
        "two": np.array(2.0, np.float32),
        "zero": np.array(0.0, np.float32),
        "nobody": np.array(0.02, np.float32),
    }
    nodes = [
        helper.make_node("Abs", ["x"], ["loud"]),
        helper.make_node("Conv", ["x", "difference"], ["steps"], pads=[1, 0]),
        helper.make_node("Abs", ["steps"], ["steep"]),
        *(
            helper.make_node(
                "AveragePool", [name], [f"{name}_mean"], kernel_shape=[FIELD], strides=[STEP]
            )
            for name in ("loud", "steep")
        ),
        helper.make_node("Sub", ["loud_mean", "quiet"], ["first"]),
        helper.make_node("Mul", ["steep_mean", "two"], ["double"]),
        helper.make_node("Sub", ["double", "quiet"], ["second"]),
        helper.make_node("Mul", ["loud_mean", "zero"], ["none"]),
        helper.make_node("Add", ["none", "nobody"], ["silence"]),
        helper.make_node("Sub", ["none", "quiet"], ["never"]),
        helper.make_node(
            "Concat", ["silence", "first", "second", *["never"] * 4], ["rows"], axis=1
        ),
        helper.make_node("Transpose", ["rows"], ["y"], perm=[0, 2, 1]),
    ]
    facts = {
        "model_type": "pyannote-segmentation-3.0",
        "version": 1,
        "num_speakers": 3,
        "powerset_max_classes": 2,
        "num_classes": 7,
        "sample_rate": RATE,
        "window_size": WINDOW,
        "receptive_field_size": FIELD,
        "receptive_field_shift": STEP,
    }
    return _saved(path, nodes, constants, (["N", 1, "T"], ["N", "F", 7]), facts)


def embedding(path: Path) -> Path:
    """Know a voice by which of the 80 mel bands it is loud in."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Softmax", ["mean"], ["y"], axis=1),
    ]
    facts = {
        "framework": "3d-speaker",
        "language": "any",
        "url": "-",
        "comment": "a stand-in",
        "sample_rate": RATE,
        "output_dim": 80,
        "normalize_samples": 1,
        "feature_normalize_type": "",
    }
    return _saved(path, nodes, {}, (["N", "T", 80], ["N", 80]), facts)


def _saved(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, np.ndarray],
    shapes: tuple[list[str | int], list[str | int]],
    facts: Mapping[str, object],
) -> Path:
    taken, given = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip("xy", shapes, strict=True)
    )
    kept = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "standin", [taken], [given], kept)
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    helper.set_model_props(model, {name: str(value) for name, value in facts.items()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def tones(*turns: tuple[float, float, float]) -> np.ndarray:
    """Sound of turns (start, end, Hz)."""
    samples = np.zeros(round(max(end for _, end, _ in turns) * RATE) + RATE, np.float32)
    for start, end, pitch in turns:
        first, last = round(start * RATE), round(end * RATE)
        samples[first:last] += 0.5 * np.sin(2 * np.pi * pitch * np.arange(last - first) / RATE)
    return samples
