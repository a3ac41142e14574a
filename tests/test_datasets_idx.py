r"""read_idx: what was written comes back, and a file that lies costs neither memory nor a crash."""

import gzip
import io
import itertools
import math
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minidl import datasets as D
from minidl.datasets import idx


def idx_bytes(array: np.ndarray, code: int) -> bytes:
    return (
        bytes([0, 0, code, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


CODES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@given(
    code=st.sampled_from(list(CODES)),
    shape=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    seed=st.integers(0, 2**32),
    zipped=st.booleans(),
)
def test_idx_reads_what_was_written(code, shape, seed, zipped, folder):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(CODES[code])
    array = np.frombuffer(rng.bytes(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)  # any bits, NaN too
    path = folder / ("a.gz" if zipped else "a.idx")
    content = idx_bytes(array, code)
    path.write_bytes(gzip.compress(content) if zipped else content)
    got = D.read_idx(path)
    assert got.dtype == dtype and got.dtype.isnative and got.shape == array.shape and got.flags.writeable
    assert got.tobytes() == array.tobytes()


def test_idx_by_hand(tmp_path):
    path = tmp_path / "short"
    path.write_bytes(bytes([0, 0, 0x0B, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0x01, 0x02, 0xFF, 0xFE]))
    assert D.read_idx(str(path)).tolist() == [[258], [-2]]


def test_idx_tells_gzip_by_content(tmp_path):
    content = idx_bytes(np.arange(5, dtype=np.uint8), 8)
    (tmp_path / "a.gz").write_bytes(content)  # a browser unpacked it and kept the name
    (tmp_path / "b.idx").write_bytes(gzip.compress(content))
    assert D.read_idx(tmp_path / "a.gz").tolist() == D.read_idx(tmp_path / "b.idx").tolist() == [0, 1, 2, 3, 4]


GOOD = idx_bytes(np.arange(12, dtype=np.int32).reshape(3, 4), 0x0C)
HUGE = 2**32 - 1


def header(code, *shape):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


HOSTILE = {  # name: (content, what the message says)
    "empty": (b"", r"got b''"),
    "three bytes": (b"\0\0\x08", r"got b'\\x00\\x00\\x08'"),
    "not IDX": (b"PK\x03\x04" + bytes(20), r"two zero bytes.*PK"),
    "pickle": (b"\x80\x04\x95" + bytes(20), r"two zero bytes"),
    "unknown type": (header(0x0A, 1) + b"\0", r"unknown type 0x0A"),
    "type zero": (bytes(16), r"unknown type 0x00"),
    "no dimensions": (bytes([0, 0, 8, 0, 5]), r"in 1 \.\.\. 32, got 0"),
    "255 dimensions": (header(8, *[1] * 255) + b"\0", r"in 1 \.\.\. 32, got 255"),
    "33 dimensions": (header(8, *[1] * 33) + b"\0", r"got 33"),
    "header cut": (header(8, 2, 3)[:-1], r"2 sizes take 8 bytes, the file ends after 7"),
    "one byte short": (GOOD[:-1], r"declare 48 bytes of data, the file holds 47"),
    "one byte long": (GOOD + b"\0", r"declare 48 bytes of data, the file holds (49|more)"),
    "no data": (header(0x0E, 7), r"declare 56 bytes of data, the file holds 0"),
    "empty with data": (header(8, 0) + b"1", r"declare 0 bytes of data, the file holds (1|more)"),
    "16 GB": (header(8, 2**17, 2**17), r"declare 17179869184 bytes"),
    "wraps to 0 in 64 bits": (header(8, 2**31, 2**31, 4), r"more than any memory"),
    "wraps to 1 in 32 bits": (header(8, 65537, 65537) + b"1", r"declare 4295098369"),
    "all sizes at the top": (header(0x0E, *[HUGE] * 32), r"more than any memory"),
    "zero times too much": (header(8, 0, HUGE, HUGE, HUGE), r"more than any memory"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_idx_hostile_files(name, zipped, tmp_path):
    content, message = HOSTILE[name]
    path = tmp_path / "hostile file.idx"
    path.write_bytes(gzip.compress(content) if zipped else content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=message) as caught:
        D.read_idx(path)
    assert str(path) in str(caught.value) and str(caught.value).startswith("read_idx: ")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_idx_every_truncation_and_every_flip_of_gzip(tmp_path):
    content = gzip.compress(GOOD, mtime=0)
    path = tmp_path / "a"
    for n in range(len(content)):
        path.write_bytes(content[:n])
        with pytest.raises(ValueError, match="read_idx"):
            D.read_idx(path)
    for n, bit in itertools.product(range(len(content)), range(8)):
        path.write_bytes(content[:n] + bytes([content[n] ^ 1 << bit]) + content[n + 1 :])
        try:  # some bits of a gzip header (time, system) mean nothing; no other may give other numbers
            assert D.read_idx(path).tolist() == np.arange(12).reshape(3, 4).tolist()
        except ValueError as error:
            assert "read_idx" in str(error)


@given(content=st.binary(max_size=40), prefix=st.sampled_from([b"", b"\0\0", b"\0\0\x08\x01", b"\x1f\x8b\x08\0"]))
@example(content=bytes([8, 1, 0, 0, 0, 1, 5]), prefix=b"\0\0")
def test_idx_random_bytes_give_an_array_or_a_value_error(content, prefix, folder):
    path = folder / "random"
    path.write_bytes(prefix + content)
    try:
        array = D.read_idx(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert array.nbytes + 4 + 4 * array.ndim == len(prefix + content)


@pytest.mark.parametrize("declared", [10, 2**40])
def test_idx_gzip_bomb_costs_no_memory(declared, tmp_path):
    content = header(8, declared) if declared < 2**32 else header(8, 2**20, 2**20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(content + bytes(30_000_000)))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"declare {declared} bytes of data, the file holds (more|30000000)"):
        D.read_idx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_idx_file_that_shrinks_while_it_is_read():
    class Shrinking(io.BytesIO):
        def readinto(self, buffer):
            return super().readinto(memoryview(buffer)[:-1])

    with pytest.raises(ValueError, match="cut short"):
        idx._read(Shrinking(GOOD), False, "name")


def test_idx_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        D.read_idx(tmp_path / "nothing")
    with pytest.raises(OSError):
        D.read_idx(tmp_path)


@pytest.mark.parametrize("path", [0, None, b"name"])
def test_idx_path_is_no_number(path):
    with pytest.raises(TypeError, match=f"read_idx: path must be a string or a path, got {path!r}"):
        D.read_idx(path)
