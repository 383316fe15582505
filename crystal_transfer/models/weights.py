"""Weights from files of others and of ours; nothing from outside is ever unpickled."""

import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor, nn

from crystal_transfer.errors import InputError
from crystal_transfer.models.tensors import SPECIES_FEATURES, load_tensors

WRAPPERS = ("model", "state_dict", "model_state_dict")  # where training scripts put the weights


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """Read weights: a run's model, the paper's, or alignn's published ones (`.pt` or `.zip`).

    Parameters
    ----------
    path
        A safetensors file, or one of `torch.save`: a state dict, or a dict that holds one under
        `model`; a zip around such a file.

    Returns
    -------
    Tensors by parameter name, as in `alignn.models.alignn.ALIGNN`.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds anything but tensors and plain containers.
    """
    if Path(path).suffix == ".safetensors":
        return _of_network(load_tensors(path)[0])
    try:
        content = _read(Path(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint; give the path of a .pt file.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    except InputError:
        raise
    except Exception as error:  # of a damaged file the reader may raise anything
        # what PyTorch says recommends to read it all the same, whatever it holds
        raise InputError(
            f"{path}: not a checkpoint that can be read safely ({type(error).__name__}: it is "
            "damaged, cut off, of another kind, or holds more than tensors and plain containers); "
            "give a file of torch.save(model.state_dict())."
        ) from None
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    tensors = {
        str(name).removeprefix("module."): value  # torch.nn.DataParallel adds the prefix
        for name, value in (content.items() if isinstance(content, dict) else ())
        if isinstance(value, Tensor)
    }
    if not tensors:
        raise InputError(
            f"{path}: holds no weights; give a file of torch.save(model.state_dict())."
        )
    return tensors


def _of_network(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Leave out what a saved model has besides its weights."""
    return {name: value for name, value in tensors.items() if name != SPECIES_FEATURES}


def member_meant(path: str | Path) -> str:
    """Return which member of an archive is read; empty where the file is none of several."""
    if not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        return member_of(archive.namelist(), path)


def _read(path: Path) -> Any:
    """Read a file of `torch.save`, or the one within a zip archive that is meant."""
    if member := member_meant(path):
        print(f"{path}: taking {member}", file=sys.stderr)
        with zipfile.ZipFile(path) as archive, archive.open(member) as handle:
            return torch.load(handle, map_location="cpu", weights_only=True)
    return torch.load(path, map_location="cpu", weights_only=True)


def member_of(names: Sequence[str], path: str | Path) -> str:
    """Choose the checkpoint of an archive: the best one, else that of the highest epoch.

    alignn leaves best_model.pt, current_model.pt, last_model.pt and checkpoint_<epoch>.pt.

    Parameters
    ----------
    names
        Members of the archive.
    path
        The archive, for errors.

    Returns
    -------
    The member; empty where the archive is itself a file of `torch.save`, which is a zip too.

    Raises
    ------
    InputError
        If it cannot be told which one is meant.
    """
    members = [name for name in names if name.endswith(".pt")]
    stems = {name: PurePosixPath(name).stem.lower() for name in members}
    best = [name for name, stem in stems.items() if "best" in stem.split("_")]
    if len(best) == 1:
        return best[0]
    epochs = {
        name: int(match[1])
        for name, stem in stems.items()
        if (match := re.fullmatch(r"(?:checkpoint|epoch|model)_(\d+)", stem))
    }
    if epochs and len(epochs) == len(members) and not best:
        highest = max(epochs.values())
        latest = [name for name, epoch in epochs.items() if epoch == highest]
        if len(latest) == 1:
            return latest[0]
    if len(members) <= 1:
        return "".join(members)
    raise InputError(
        f"{path}: has several checkpoints ({', '.join(sorted(members)[:6])}) and does not say "
        "which is meant; unpack it and name one .pt file."
    )


def initialise(model: nn.Module, weights: Mapping[str, Tensor], origin: str | Path) -> None:
    """Copy weights into a model that has all of them, and no others.

    Raises
    ------
    InputError
        If a name or a shape differs, or a number is not finite.
    """
    odd = [
        name
        for name, value in weights.items()
        if value.is_floating_point() and not bool(torch.isfinite(value).all())
    ]
    if odd:
        raise InputError(
            f"{origin}: parameter '{odd[0]}' ({len(odd)} in all) is not finite: the training that "
            "made it has diverged, or the file is damaged; take another file, or in a study lower "
            "its max_lr (training.pretrain, training.multipretrain) or leave it out."
        )
    own = model.state_dict()
    for name in sorted(own.keys() ^ weights.keys()):
        where = "lacks" if name in own else "has, unlike the model,"
        raise InputError(f"{origin}: {where} the parameter '{name}'; is it another kind of model?")
    for name, value in own.items():
        if value.shape != weights[name].shape:
            raise InputError(
                f"{origin}: parameter '{name}' has shape {list(weights[name].shape)}, the model "
                f"{list(value.shape)}: it is a network of other sizes; take one of the same, "
                "or in a study give `model` the sizes of the file."
            )
    model.load_state_dict(weights)
