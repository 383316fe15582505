"""A trained model stands alone: predictions of a run again, from structures and one file."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import HOW, SCRATCH, SETTINGS, outputs, prepare

from crystal_transfer.errors import InputError
from crystal_transfer.models.saved import load_model
from crystal_transfer.models.sizes import CgcnnSizes
from crystal_transfer.models.tensors import DTYPES, load_tensors, save_tensors
from crystal_transfer.prediction import embed_crystals, predict_crystals
from crystal_transfer.runs import Run, RunKind
from crystal_transfer.training.run import train
from crystal_transfer.training.settings import Precision

SHORT = replace(HOW, epochs=2)
RUNS = {
    "alignn": (replace(SCRATCH, hyperparameters=SHORT), SETTINGS),
    "alignn, trained in bf16": (
        replace(SCRATCH, hyperparameters=SHORT),
        replace(SETTINGS, precision=Precision.BF16),
    ),
    "cgcnn": (
        replace(SCRATCH, hyperparameters=SHORT, network="cgcnn"),
        replace(SETTINGS, sizes=CgcnnSizes(1, 16, 24)),
    ),
}

ALONE = """
import sys
import pandas as pd
from crystal_transfer.datasets import crystals
from crystal_transfer.models.saved import load_model
from crystal_transfer.prediction import predict_crystals
table = crystals.load(sys.argv[2])
predict_crystals(load_model(sys.argv[1]), table).to_csv(sys.argv[3], index=False)
"""


@pytest.fixture(scope="module", params=RUNS)
def trained(request, alloys, tmp_path_factory):
    """Inputs and outputs of a short training."""
    run, how = RUNS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    inputs, result = prepare(alloys, folder / "data"), outputs(folder / "run")
    train(run, inputs, result, how)
    return inputs, result


def test_a_run_is_predicted_again_in_another_process(trained, tmp_path):
    inputs, result = trained
    # the structures and the model alone, in a folder of their own
    for name in (inputs.table, result.model):
        path = tmp_path / name.rsplit("/", 1)[-1]
        path.write_bytes(Path(name).read_bytes())
    seal = ".crystals.npz.sha256"
    (tmp_path / seal).write_text(Path(inputs.table).with_name(seal).read_text())
    names = ["model.safetensors", "crystals.npz", "again.csv"]
    subprocess.run(
        [sys.executable, "-c", ALONE, *(str(tmp_path / name) for name in names)],
        cwd=ROOT, check=True,
    )  # fmt: skip
    ours = pd.read_csv(result.predictions, dtype={"id": str}).set_index("id")["prediction"]
    again = pd.read_csv(tmp_path / "again.csv", dtype={"id": str}).set_index("id")["X"]
    assert np.abs(again[ours.index] - ours).max() < 1e-6
    assert len(again) == 40


def test_what_a_model_says_of_itself(trained):
    _, result = trained
    model = load_model(result.model)
    assert model.bond_rule == "shell"
    assert list(model.scalers) == ["X"]
    assert model.build().training is False


def test_features_of_crystals(trained, alloys):
    model = load_model(trained[1].model)
    pooled = embed_crystals(model, alloys)
    network = model.build()
    assert pooled.shape == (len(alloys), network.features)
    with torch.no_grad():
        scaled = network.fc(torch.from_numpy(pooled).float()).numpy()
    predicted = predict_crystals(model, alloys)["X"]
    np.testing.assert_allclose(predicted, model.scalers["X"].restore(scaled[:, 0]), rtol=1e-5)


def test_of_no_crystals(trained, alloys):
    from crystal_transfer.datasets.crystals import tabulate

    model = load_model(trained[1].model)
    assert list(predict_crystals(model, tabulate([])).columns) == ["id", "X"]


def test_a_new_head_is_saved_too(alloys, tmp_path):
    inputs, first = prepare(alloys, tmp_path / "data"), outputs(tmp_path / "first")
    scratch = replace(SCRATCH, hyperparameters=SHORT)
    train(scratch, inputs, first, SETTINGS)
    run = Run(RunKind.FINETUNE, "X", 20, 1, SHORT, source=scratch, strategy="new_head")
    second = outputs(tmp_path / "second")
    train(run, replace(inputs, weights=first.model), second, SETTINGS)
    ours = pd.read_csv(second.predictions, dtype={"id": str}).set_index("id")["prediction"]
    again = predict_crystals(load_model(second.model), alloys).set_index("id")["X"]
    assert np.abs(again[ours.index] - ours).max() < 1e-6


def test_equal_models_are_equal_files(alloys, tmp_path):
    inputs = prepare(alloys, tmp_path / "data")
    results = [outputs(tmp_path / name) for name in ("one", "other")]
    for result in results:
        train(replace(SCRATCH, hyperparameters=SHORT), inputs, result, SETTINGS)
    contents = {Path(result.model).read_bytes() for result in results}
    assert len(contents) == 1


# --- the file ------------------------------------------------------------------------------------

SHAPES = st.lists(st.integers(0, 4), max_size=3)
TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=12).filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from(list(DTYPES.values())), SHAPES),
    max_size=5,
)


@given(TENSORS)
@settings(max_examples=60)
def test_files_are_those_of_the_safetensors_package(tmp_path_factory, described):
    tensors = {
        name: (torch.randn(shape) * 50).to(dtype) for name, (dtype, shape) in described.items()
    }
    path = tmp_path_factory.mktemp("tensors") / "x.safetensors"
    save_tensors(tensors, path)
    for found in (load_tensors(path)[0], safetensors.torch.load_file(path)):
        assert found.keys() == tensors.keys()
        for name, value in tensors.items():
            assert found[name].dtype == value.dtype
            assert found[name].shape == value.shape
            assert torch.equal(found[name], value)
    safetensors.torch.save_file(tensors, path)
    assert load_tensors(path)[0].keys() == tensors.keys()


def test_every_flipped_bit_is_found(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors({"a": torch.arange(6.0), "b": torch.ones(2, 2)}, path, {"note": "x"})
    whole = path.read_bytes()
    before = load_tensors(path)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        try:
            tensors, metadata = load_tensors(path)
        except InputError as error:
            assert "\n" not in str(error)
            continue
        # a flip in white space, or in the name of a checksum, leaves all that is read as it was
        assert tensors.keys() == before[0].keys() and metadata["note"] == "x"
        assert all(torch.equal(value, before[0][name]) for name, value in tensors.items())


def test_files_of_versions_without_a_checksum_of_the_header(tmp_path):
    tensors = {"a": torch.ones(2)}
    body = b"".join(value.numpy().tobytes() for value in tensors.values())
    own = {"sha256": hashlib.sha256(body).hexdigest()}
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors", own)
    assert torch.equal(load_tensors(tmp_path / "x.safetensors")[0]["a"], tensors["a"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c | {"format": 99, "version": "9.0"}, "was written by version 9.0"),
        (lambda c: c | {"network": "gnn"}, "description is damaged"),
        (lambda c: {k: v for k, v in c.items() if k != "sizes"}, "description is damaged"),
        (lambda c: c | {"sizes": {"width": 3}}, "description is damaged"),
        (lambda c: c | {"sizes": c["sizes"] | {"hidden_features": 16.0}}, "not a whole number"),
        (lambda c: c | {"head": c["head"] | {"hidden": "ab"}}, "not a whole number"),
        (lambda c: c | {"properties": ["X"]}, "description is damaged"),
        (
            lambda c: c | {"properties": {"X": {"minimum": 1, "maximum": None, "unit": ""}}},
            "description is damaged",
        ),
        (
            lambda c: c | {"properties": {"X": {"minimum": 1, "maximum": 1, "unit": ""}}},
            "no range is from 1 to 1",
        ),
        (lambda c: c | {"bond_rule": "all"}, "description is damaged"),
    ],
)
def test_models_of_others(trained, tmp_path, change, message):
    tensors, metadata = load_tensors(trained[1].model)
    content = change(json.loads(metadata["crystal_transfer"]))
    save_tensors(tensors, tmp_path / "x.safetensors", {"crystal_transfer": json.dumps(content)})
    with pytest.raises(InputError, match=message):
        load_model(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    "change", [lambda f: f[:5], torch.Tensor.double, lambda f: f * torch.nan, lambda f: f[0]]
)
def test_features_of_elements_that_are_none(trained, tmp_path, change):
    tensors, metadata = load_tensors(trained[1].model)
    tensors["species_features"] = change(tensors["species_features"])
    save_tensors(tensors, tmp_path / "x.safetensors", metadata)
    with pytest.raises(InputError, match="features of the elements are not whole"):
        load_model(tmp_path / "x.safetensors")


def test_weights_without_a_description(tmp_path):
    save_tensors({"a": torch.ones(1)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="does not say of which model"):
        load_model(tmp_path / "x.safetensors")
