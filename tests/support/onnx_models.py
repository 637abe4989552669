"""Small ONNX models for the tests, written with the `onnx` package, with reference implementations in NumPy."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def vocabulary(path, words):
    """Writes a vocab.txt: the special tokens, all printable ASCII characters alone and within words, then `words`."""
    letters = [chr(code) for code in range(33, 127) if not "A" <= chr(code) <= "Z"]
    lines = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters), *words]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines


def byte_pairs(path, words):
    """Writes and returns a tokenizer.json like that of CLIP: lower-case byte pairs between two special tokens."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.decoder = decoders.BPEDecoder()
    marks = ["<|startoftext|>", "<|endoftext|>"]
    trainer = trainers.BpeTrainer(special_tokens=marks, end_of_word_suffix="</w>", show_progress=False)
    made.train_from_iterator(words, trainer)
    first, last = (made.token_to_id(mark) for mark in marks)
    made.post_processor = processors.BertProcessing((marks[1], last), (marks[0], first))
    made.save(str(path))
    return made


def save(path, nodes, inputs, outputs, weights):
    graph = helper.make_graph(
        nodes,
        "tests",
        inputs,
        outputs,
        [numpy_helper.from_array(np.asarray(array, order="C"), name) for name, array in weights.items()],
    )
    # The oldest format with this opset: onnxruntime reads no format newer than itself.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def integers(name, shape, kind=TensorProto.INT64):
    return helper.make_tensor_value_info(name, kind, shape)


def floats(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def embedding(
    path,
    tokens,
    *,
    dim=16,
    inputs=("input_ids", "attention_mask", "token_type_ids"),
    shape=("batch", "length"),
    kind=TensorProto.INT64,
    pooled=False,
):
    """A model whose token vectors are rows of a table; optionally mean-pooled within the model."""
    table = np.random.default_rng(dim).normal(size=(tokens, dim)).astype(np.float32)
    nodes = [helper.make_node("Gather", ["table", inputs[0]], ["gathered"])]
    weights = {"table": table}
    last = "gathered"
    if "token_type_ids" in inputs or len(inputs) == 3:  # must be used to be an input; multiplied by nothing
        nodes += [
            helper.make_node("Cast", [inputs[-1]], ["types"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["types", "last"], ["types_wide"]),
            helper.make_node("Add", [last, "types_wide"], ["typed"]),
        ]
        weights["last"] = np.array([-1])
        last = "typed"
    if len(inputs) > 1:
        nodes += [
            helper.make_node("Cast", [inputs[1]], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "minus_one"], ["mask_wide"]),
            helper.make_node("Mul", [last, "mask_wide"], ["masked"]),
        ]
        weights["minus_one"] = np.array([-1])
        last = "masked"
    result = floats("result", [shape[0], shape[1], dim])
    if pooled:
        nodes.append(helper.make_node("ReduceMean", [last], ["result"], axes=[1], keepdims=0))
        result = floats("result", [shape[0], dim])
    else:
        nodes.append(helper.make_node("Identity", [last], ["result"]))
    save(path, nodes, [integers(name, list(shape), kind) for name in inputs], [result], weights)
    return table


def bert(path, weights, heads):
    """A complete BERT with these weights under their published names, as exporters write it."""
    graph = _Graph({name.replace(".", "_"): array for name, array in weights.items()})
    hidden = weights["embeddings.word_embeddings.weight"].shape[1]
    words = graph("Gather", "embeddings_word_embeddings_weight", "input_ids")
    types = graph("Gather", "embeddings_token_type_embeddings_weight", "token_type_ids")
    length = graph("Gather", graph("Shape", "input_ids"), graph.constant(np.array(1)))
    positions = graph(
        "Slice",
        "embeddings_position_embeddings_weight",
        graph.constant(np.array([0])),
        graph("Unsqueeze", length, graph.constant(np.array([0]))),
    )
    x = graph.norm(graph("Add", graph("Add", words, positions), types), "embeddings_LayerNorm")
    mask = graph("Cast", "attention_mask", to=TensorProto.FLOAT)
    mask = graph("Unsqueeze", mask, graph.constant(np.array([1, 2])))
    hide = graph("Mul", graph("Sub", mask, graph.constant(np.float32(1))), graph.constant(np.float32(1e9)))
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in weights:
        x = _layer(graph, x, hide, f"encoder_layer_{layer}", hidden, heads)
        layer += 1
    graph.nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))
    inputs = [integers(name, ["batch", "length"]) for name in ("input_ids", "attention_mask", "token_type_ids")]
    outputs = [floats("last_hidden_state", ["batch", "length", hidden])]
    return save(path, graph.nodes, inputs, outputs, graph.weights)


def _layer(graph, x, hide, prefix, hidden, heads):
    split = graph.constant(np.array([0, 0, heads, hidden // heads]))
    query, key, value = (
        graph("Reshape", graph.affine(x, f"{prefix}_attention_self_{part}"), split)
        for part in ("query", "key", "value")
    )
    query, value = (graph("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value))
    scores = graph("MatMul", query, graph("Transpose", key, perm=[0, 2, 3, 1]))
    scores = graph("Mul", scores, graph.constant(np.float32((hidden // heads) ** -0.5)))
    shares = graph("Softmax", graph("Add", scores, hide), axis=-1)
    context = graph("Transpose", graph("MatMul", shares, value), perm=[0, 2, 1, 3])
    context = graph("Reshape", context, graph.constant(np.array([0, 0, hidden])))
    attended = graph.affine(context, f"{prefix}_attention_output_dense")
    x = graph.norm(graph("Add", attended, x), f"{prefix}_attention_output_LayerNorm")
    wide = graph.affine(x, f"{prefix}_intermediate_dense")
    # GELU (Hendrycks and Gimpel, 2016): x / 2 * (1 + erf(x / sqrt(2)))
    bell = graph("Erf", graph("Mul", wide, graph.constant(np.float32(0.5**0.5))))
    bell = graph("Add", bell, graph.constant(np.float32(1)))
    wide = graph("Mul", graph("Mul", wide, graph.constant(np.float32(0.5))), bell)
    return graph.norm(graph("Add", graph.affine(wide, f"{prefix}_output_dense"), x), f"{prefix}_output_LayerNorm")


class _Graph:
    """Nodes in order; calling it adds one and returns the name of its result."""

    def __init__(self, weights):
        self.weights = dict(weights)
        self.nodes = []

    def __call__(self, kind, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value):
        name = f"c{len(self.weights)}"
        self.weights[name] = np.asarray(value)
        return name

    def affine(self, x, prefix):
        product = self("MatMul", x, self("Transpose", f"{prefix}_weight", perm=[1, 0]))
        return self("Add", product, f"{prefix}_bias")

    def norm(self, x, prefix):
        return self("LayerNormalization", x, f"{prefix}_weight", f"{prefix}_bias", axis=-1, epsilon=1e-12)


def tower(path, *, dim=8, side=224, batch=1, kind=TensorProto.FLOAT, channels=3):
    """Patches of 32 x 32 pixels through one matrix each, then their mean: (patch weights, bias)."""
    rng = np.random.default_rng(dim)
    dtype = np.float16 if kind == TensorProto.FLOAT16 else np.float32
    patch = (rng.normal(size=(dim, channels, 32, 32)) / 32).astype(dtype)
    bias = rng.normal(size=dim).astype(dtype)
    nodes = [
        helper.make_node("Conv", ["pixels", "patch", "bias"], ["patches"], strides=[32, 32]),
        helper.make_node("ReduceMean", ["patches"], ["result"], axes=[2, 3], keepdims=0),
    ]
    inputs = [floats("pixels", [batch, channels, side, side], kind)]
    save(path, nodes, inputs, [floats("result", [batch, dim], kind)], {"patch": patch, "bias": bias})
    return patch, bias
