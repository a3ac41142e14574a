r"""IDX: the file format of MNIST and its kin, for people who have the files.

    byte 0, 1   zero
    byte 2      type of the entries, see TYPES
    byte 3      number of dimensions, D
    then        D sizes, each an unsigned 32-bit integer, big-endian
    then        the entries, big-endian, last index fastest; nothing after them

A header is a claim, not a fact: 8 bytes can declare more than any memory holds. So the sizes are multiplied as Python
ints and compared with what the file really holds before an array is made. Format: Y. LeCun, C. Cortes, C. Burges,
"The MNIST database of handwritten digits".
"""

import gzip
import io
import math
import os
import struct
import zlib

import numpy as np

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_DIMENSIONS = 32  # the format allows 255, arrays of older NumPy 32
MAX_BYTES = 2**47  # the address space of a process; also keeps file positions in 64 bits


def read_idx(path: str | os.PathLike) -> np.ndarray:
    r"""The array in an IDX file, plain or gzipped (told by its first bytes, not by its name).

    Returns an array of the declared shape, writable, in the machine's byte order; for MNIST's images uint8 (N, 28, 28).
    Divide by 255 and add the channel axis yourself: `x = read_idx(p)[:, None].astype(np.float32) / 255`.

    Raises ValueError naming the path and the value for a wrong magic number, an unknown type, too many dimensions,
    sizes that do not agree with the length of the file, and damaged gzip data; OSError if there is no such file.
    A gzipped file is unpacked twice, first only to count: a small file that unpacks to a huge one costs no memory.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "labels.idx"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))      # uint8, 1 dimension, 3 entries
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"read_idx: path must be a string or a path, got {path!r}")
    with open(path, "rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            return _read(gzip.GzipFile(fileobj=raw) if zipped else raw, zipped, path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"read_idx: {path}: the gzip data is damaged: {error}") from None


def _read(file: io.BufferedIOBase, zipped: bool, path: str | os.PathLike) -> np.ndarray:
    def bad(what: str) -> ValueError:
        return ValueError(f"read_idx: {path}: {what}")

    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise bad(f"an IDX file begins with two zero bytes, a type and a number of dimensions, got {magic!r}")
    if magic[2] not in TYPES:
        raise bad(f"unknown type 0x{magic[2]:02X}, expected one of {', '.join(f'0x{t:02X}' for t in TYPES)}")
    n_dimensions = magic[3]
    if not 1 <= n_dimensions <= MAX_DIMENSIONS:
        raise bad(f"the number of dimensions must be in 1 ... {MAX_DIMENSIONS}, got {n_dimensions}")
    header = file.read(4 * n_dimensions)
    if len(header) < 4 * n_dimensions:
        raise bad(f"{n_dimensions} sizes take {4 * n_dimensions} bytes, the file ends after {len(header)}")
    shape = struct.unpack(f">{n_dimensions}I", header)

    dtype = np.dtype(TYPES[magic[2]])
    # sizes of 0 count as 1 here: NumPy multiplies the others even where the array is empty
    if math.prod(max(s, 1) for s in shape) * dtype.itemsize > MAX_BYTES:
        raise bad(f"sizes {shape} of {dtype.itemsize}-byte entries are more than any memory holds")
    declared = math.prod(shape) * dtype.itemsize
    start = 4 + len(header)
    # Moving on in a gzip stream unpacks and forgets; it stops one byte past the declared end, or at the real one.
    end = file.seek(start + declared + 1) if zipped else file.seek(0, io.SEEK_END)
    if end != start + declared:
        held = "more" if zipped and end > start + declared else end - start
        raise bad(f"sizes {shape} declare {declared} bytes of data, the file holds {held}")

    file.seek(start)
    data = bytearray(declared)
    if file.readinto(data) != declared:
        raise bad("the file was cut short while it was read")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
