"""Weights from alignn, from the paper, and from files that are neither."""

import pickle
import zipfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crystal_transfer.errors import InputError
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.models.tensors import save_tensors
from crystal_transfer.models.weights import initialise, load_weights

SMALL = AlignnSizes(alignn_layers=1, gcn_layers=1, embedding_features=8, hidden_features=16)


def model() -> ALIGNN:
    return ALIGNN(SMALL, torch.zeros(101, 92))


@pytest.fixture
def reference():
    """alignn's own model, of the same sizes."""
    alignn = pytest.importorskip("alignn.models.alignn", reason="needs alignn and dgl")
    if alignn.dgl is None:
        pytest.skip("needs DGL (Python 3.11)")
    return alignn.ALIGNN(
        alignn.ALIGNNConfig(
            name="alignn", alignn_layers=1, gcn_layers=1, embedding_features=8, hidden_features=16
        )
    )


def assert_loads(path, reference):
    ours = model()
    initialise(ours, load_weights(path), path)
    for name, value in reference.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)


def test_alignns_training_checkpoint(reference, tmp_path):
    # as written by alignn.train: model, optimizer, scheduler, trainer state
    optimizer = torch.optim.AdamW(reference.parameters())
    content = {"model": reference.state_dict(), "optimizer": optimizer.state_dict(), "trainer": {}}
    torch.save(content, tmp_path / "checkpoint_300.pt")
    assert_loads(tmp_path / "checkpoint_300.pt", reference)


def test_published_zip(reference, tmp_path):
    torch.save({"model": reference.state_dict()}, tmp_path / "checkpoint_300.pt")
    path = tmp_path / "jv_formation_energy_peratom_alignn.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(tmp_path / "checkpoint_300.pt", "jv_formation/checkpoint_300.pt")
        archive.writestr("jv_formation/config.json", "{}")
    assert_loads(path, reference)


def test_bare_state_dict_of_data_parallel(reference, tmp_path):
    weights = {f"module.{name}": value for name, value in reference.state_dict().items()}
    torch.save(weights, tmp_path / "best_model.pt")
    assert_loads(tmp_path / "best_model.pt", reference)


def test_our_own(tmp_path):
    ours, again = model(), model()
    save_tensors(ours.state_dict(), tmp_path / "model.safetensors")
    initialise(again, load_weights(tmp_path / "model.safetensors"), "x")
    assert all(
        torch.equal(a, b) for a, b in zip(ours.parameters(), again.parameters(), strict=True)
    )


class Malicious:
    def __reduce__(self):
        return print, ("this must not run",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a checkpoint"),
        (b"no tensors here", "not a checkpoint"),
        (pickle.dumps(Malicious()), "not a checkpoint"),
    ],
)
def test_damaged_or_dangerous_files(tmp_path, capsys, content, message):
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_weights(path)
    assert "must not run" not in capsys.readouterr().out


@given(st.data())
@settings(max_examples=300)
def test_any_damage_is_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "weights.pt"
    torch.save({"a": torch.ones(3), 7: torch.ones(2)}, path)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    try:
        load_weights(path)
    except InputError as error:
        assert "\n" not in str(error)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=300)
def test_any_other_file_is_one_sentence(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("other") / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_weights(path)


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_weights(tmp_path)


def test_a_pickled_object_is_refused(tmp_path, capsys):
    torch.save({"model": Malicious()}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="not a checkpoint"):
        load_weights(tmp_path / "weights.pt")
    assert "must not run" not in capsys.readouterr().out


def test_what_does_not_fit_is_named():
    weights = model().state_dict()
    with pytest.raises(InputError, match=r"shape \[2, 16\]"):
        initialise(model(), weights | {"fc.weight": torch.zeros(2, 16)}, "x.pt")
    with pytest.raises(InputError, match=r"lacks the parameter 'fc\.bias'"):
        initialise(model(), {k: v for k, v in weights.items() if k != "fc.bias"}, "x.pt")
    with pytest.raises(InputError, match="unlike the model"):
        initialise(model(), weights | {"fc3.bias": torch.zeros(1)}, "x.pt")


def test_no_file():
    with pytest.raises(InputError, match="no such checkpoint"):
        load_weights("nowhere.pt")
