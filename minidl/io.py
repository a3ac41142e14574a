r"""Weights on disk: `save` and `load`, in the safetensors format that torch and others read too.

A file is 8 bytes that say how long the header is, the header (JSON: name, dtype, shape and place of every array), and
the arrays, one after the other. There is no code in it, nothing is pickled, and nothing in it is believed before it
has been checked.

The format itself has no checksum: a flipped bit would load as another number. `save` therefore puts a SHA-256 of
everything in the file (names, dtypes, shapes, values and metadata) into the header's `__metadata__`, which other
readers pass over; `load` verifies it where it is present and takes foreign files without it.

A file is written whole or not at all: into a new file of the same folder, flushed to the disk (fsync), then renamed to
the name that was asked for, which is one atomic step. A process that is killed on the way leaves the old file as it
was (and perhaps a file `.minidl-*.tmp` beside it, which may be deleted).
"""

import collections
import contextlib
import errno
import hashlib
import json
import os
import secrets
from typing import Any

import numpy as np

from minidl import check
from minidl.backend import is_array, to_numpy
from minidl.tensor import Tensor

DIGEST = "minidl.sha256"

# safetensors' name -> NumPy's, for the dtypes that a tensor can be made of; files are little-endian on every machine
DTYPES = {
    "F32": "<f4",
    "F64": "<f8",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "BOOL": "?",
}


def save(state_dict: dict[str, Any], path: str | os.PathLike) -> None:
    r"""Write arrays by name, most often `model.state_dict()`, to a safetensors file; atomically, as above.

    Raises TypeError or ValueError for names that are no strings (or are "__metadata__") and for values that are not
    arrays of real numbers, before anything is written; OSError where the disk refuses, and the old file stays.

    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save({"weight": np.array([1.0, 2.0])}, f"{folder}/weights.safetensors")
    ...     load(f"{folder}/weights.safetensors")
    {'weight': array([1., 2.])}
    """
    write("save", path, state_dict, {})


def load(path: str | os.PathLike) -> dict[str, np.ndarray]:
    r"""Read what `save`, torch or another program wrote in the safetensors format: arrays by name.

    Raises ValueError that names the file and what is wrong with it where it is damaged, cut short or no such file, and
    for dtypes that no tensor is made of (half precision). Needs no more memory than a small multiple of the file.

    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save({"ids": np.array([3, 1])}, f"{folder}/ids.safetensors")
    ...     load(f"{folder}/ids.safetensors")["ids"]
    array([3, 1])
    """
    return read("load", path)[0]


def write(who: str, path: str | os.PathLike, tensors: dict[str, Any], metadata: dict[str, str]) -> None:
    r"""Write arrays and strings by name, with their digest."""
    from safetensors.numpy import save as to_bytes  # noqa: PLC0415  (only those who save pay for the import)

    if not isinstance(tensors, dict):
        raise check.DTypeError(f"{who}: state_dict must be a dict of arrays, got {type(tensors).__name__}")
    path = os.path.realpath(path_of(who, path))  # through a symbolic link to what it points at
    need_folder(who, path)
    arrays = {name: _clean(who, name, value) for name, value in tensors.items()}
    replace(path, to_bytes(arrays, {**metadata, DIGEST: _digest(arrays, metadata)}))


def read(who: str, path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    r"""The arrays and the metadata of a file. ValueError where it is not sound."""
    path = path_of(who, path)
    with open(path, "rb") as file:
        content = file.read(os.fstat(file.fileno()).st_size)
    try:
        arrays, metadata = _parsed(content)
        if metadata.get(DIGEST, digest := _digest(arrays, metadata)) != digest:
            raise ValueError("its contents do not match their SHA-256: it was damaged or changed")
    except ValueError as error:
        raise ValueError(f"{who}: {path!r} is not a sound safetensors file: {error}") from error
    return arrays, metadata


def path_of(who: str, path: Any) -> str:
    r"""A path as a string; TypeError for what is none."""
    if not isinstance(path, str | os.PathLike):
        raise check.DTypeError(f"{who}: path must be a path, got {path!r}")
    return os.fspath(path)


def need_folder(who: str, path: str) -> None:
    r"""FileNotFoundError unless there is a folder for the file `path`."""
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"{who}: there is no such folder", folder)


def replace(path: str, content: bytes) -> None:
    r"""Make `content` the file `path`, or leave everything as it was."""
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".minidl-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if os.name == "posix":  # the new name must reach the disk too; Windows has no such call
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _clean(who: str, name: Any, value: Any) -> np.ndarray:
    """An array as it lies in the file: on the host, in C order, little-endian."""
    if not isinstance(name, str):
        raise check.DTypeError(f"{who}: names must be strings, got {name!r}")
    if name == "__metadata__":
        raise ValueError(f"{who}: the name '__metadata__' belongs to the file format")
    array = value._data if isinstance(value, Tensor) else value
    if not is_array(array) and not isinstance(array, np.generic):
        raise check.DTypeError(f"{who}: {name} must be an array or a tensor, got {type(value).__name__}")
    array = np.asarray(to_numpy(array))
    if array.dtype.newbyteorder("<") not in map(np.dtype, DTYPES.values()):
        raise check.DTypeError(f"{who}: {name} must hold float32, float64, integers or bools, got {array.dtype}")
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _parsed(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    # safetensors proves the sizes: a header within the file and 100 MB, JSON of little depth, known dtypes, and arrays
    # of exactly the bytes that their shapes need, which cover the rest of the file without overlap or hole.
    from safetensors import SafetensorError, deserialize  # noqa: PLC0415

    try:
        entries = dict(deserialize(content))
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end].decode(), object_pairs_hook=_unique)
    arrays = {}
    metadata = header.pop("__metadata__", None) or {}
    for name in header:  # the order of the file
        entry = entries[name]
        if entry["dtype"] not in DTYPES:
            raise ValueError(
                f"{name} has dtype {entry['dtype']}, which is none of {', '.join(DTYPES)}; convert it where it was made"
            )
        flat = np.frombuffer(entry["data"], DTYPES[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"]).astype(flat.dtype.newbyteorder("="), copy=False)
    return arrays, metadata


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dict. Which of two equal names a reader takes is up to the reader: refuse such a file."""
    result = dict(pairs)
    if len(result) < len(pairs):
        name, _ = collections.Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"its header has {name!r} twice")
    return result


def _digest(arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> str:
    """SHA-256 over all that a reader gets out of the file, in the order of the names."""
    notes = sorted((name, note) for name, note in metadata.items() if name != DIGEST)
    layout = [(name, arrays[name].dtype.name, arrays[name].shape) for name in sorted(arrays)]
    digest = hashlib.sha256(json.dumps([notes, layout]).encode())
    for name, _, _ in layout:
        little = np.asarray(arrays[name], dtype=arrays[name].dtype.newbyteorder("<"), order="C")
        digest.update(little.reshape(-1).view(np.uint8))
    return digest.hexdigest()
