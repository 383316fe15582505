"""Tensors in a file that is only data: the safetensors format, with a checksum.

Eight bytes with the length of a JSON header, the header (name -> dtype, shape, range of bytes),
then the numbers (https://huggingface.co/docs/safetensors). Written here in few lines because the
training path needs PyTorch, numpy and the standard library only; tests read and write the same
files with the safetensors package.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crystal_transfer.errors import InputError
from crystal_transfer.files import digest_of, replaced_when_whole

SPECIES_FEATURES = "species_features"  # what input features are called in a file of tensors

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
NAMES = {dtype: name for name, dtype in DTYPES.items()}
LARGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors package
CHECKSUM = "sha256"  # key of the metadata: of all bytes after the header
HEADER_CHECKSUM = "sha256_header"  # of all else that the header says


def save_tensors(
    tensors: Mapping[str, Tensor], path: str | Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors, whole or not at all; equal tensors give equal bytes.

    Parameters
    ----------
    tensors
        By name, on any device.
    path
        The file.
    metadata
        Further texts for the header.
    """
    header: dict[str, Any] = {}
    parts, offset = [], 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        numbers = b"" if tensor.numel() == 0 else _bytes(tensor)
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(numbers)],
        }
        offset += len(numbers)
        parts.append(numbers)
    body = b"".join(parts)
    described = {**(metadata or {}), CHECKSUM: hashlib.sha256(body).hexdigest()}
    own = _header_checksum(header, described)
    header["__metadata__"] = described | {HEADER_CHECKSUM: own}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned
    with replaced_when_whole(path) as temporary:
        temporary.write_bytes(len(text).to_bytes(8, "little") + text + body)


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and the metadata of their file.

    Raises
    ------
    InputError
        If the file is missing, damaged, or no such file.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    try:
        size = int.from_bytes(content[:8], "little")
        if not 2 <= size <= min(LARGEST_HEADER, len(content) - 8):
            raise ValueError("the length of its header is wrong")
        header = json.loads(content[8 : 8 + size])
        metadata: dict[str, str] = header.pop("__metadata__", {})
        own = metadata.pop(HEADER_CHECKSUM, None)  # older versions wrote none
        if own is not None and own != _header_checksum(header, metadata):
            raise ValueError("the checksum of its header differs")
        body = bytearray(content[8 + size :])
        tensors = {name: _tensor(body, entry) for name, entry in header.items()}
        _check_whole(header, len(body))
        if CHECKSUM in metadata and hashlib.sha256(body).hexdigest() != metadata[CHECKSUM]:
            raise ValueError("its checksum differs")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path}: is damaged or no file of tensors ({error}); restore it, or in a "
            "study delete it and run again."
        ) from None
    return tensors, metadata


def _header_checksum(header: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    """Return a checksum of where tensors lie and what is said about them."""
    return digest_of([header, metadata])


def _bytes(tensor: Tensor) -> bytes:
    """Return the numbers of a tensor as they lie in memory."""
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


def _tensor(body: bytearray, entry: Mapping[str, Any]) -> Tensor:
    begin, end = entry["data_offsets"]
    dtype, shape = DTYPES[entry["dtype"]], entry["shape"]
    count = math.prod(shape)
    if not 0 <= begin <= end <= len(body) or end - begin != count * dtype.itemsize:
        raise ValueError("a tensor lies outside of the file")
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(body, dtype=dtype, count=count, offset=begin).reshape(shape)


def _check_whole(header: Mapping[str, Any], n_bytes: int) -> None:
    """Check that the tensors fill the file without gaps, as the format asks for."""
    offset = 0
    for begin, end in sorted(entry["data_offsets"] for entry in header.values()):
        if begin != offset:
            raise ValueError("its tensors overlap or leave gaps")
        offset = end
    if offset != n_bytes:
        raise ValueError("it has bytes that belong to no tensor")
