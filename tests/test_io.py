"""Weights on disk: the round trip, foreign files, damage of every kind, and processes that die while they write."""

import json
import os
import stat
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Tensor, io, nn

GOLDEN = os.path.join(os.path.dirname(__file__), "golden", "torch_weights.safetensors")


def same(a: dict, b: dict) -> bool:
    return sorted(a) == sorted(b) and all(
        a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and a[k].tobytes() == b[k].tobytes() for k in a
    )


def raw(header: dict | bytes, data: bytes = b"") -> bytes:
    """A safetensors file written by hand."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: str = "F32", shape: tuple = (2,), offsets: tuple = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def example() -> dict:
    rng = np.random.default_rng(0)
    return {
        "weight": rng.normal(size=(3, 2)).astype(np.float32),
        "bias": rng.normal(size=3),
        "steps": np.array(7),
        "mask": np.array([True, False]),
        "none": np.zeros((0, 4), np.float32),
        "Größe\n": np.arange(3, dtype=np.uint8),
    }


# ---- round trips ----
def test_what_is_saved_is_loaded(tmp_path):
    io.save(example(), tmp_path / "w.safetensors")
    assert same(io.load(tmp_path / "w.safetensors"), example())


@given(data=st.data())
@settings(max_examples=40)
def test_any_array_comes_back_bit_for_bit(tmp_path_factory, data):
    dtype = data.draw(st.sampled_from(sorted(io.DTYPES.values())))
    shape = data.draw(st.lists(st.integers(0, 4), max_size=4))
    seed = data.draw(st.integers(0, 2**32))
    bits = np.random.default_rng(seed).integers(0, 256, size=(*shape, np.dtype(dtype).itemsize), dtype=np.uint8)
    array = (bits % 2).astype(bool)[..., 0] if dtype == "?" else bits.view(dtype)[..., 0]  # NaNs of all kinds too
    if data.draw(st.booleans()):
        array = array.T  # not in C order
    path = tmp_path_factory.mktemp("any") / "a.safetensors"
    io.save({"a": array}, path)
    back = io.load(path)["a"]
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.tobytes() == array.tobytes()


def test_byte_order_and_strides_of_the_array_do_not_matter(tmp_path):
    array = np.arange(6, dtype=">f4").reshape(2, 3)[:, ::-1]
    io.save({"a": array}, tmp_path / "w")
    assert np.array_equal(io.load(tmp_path / "w")["a"], array)
    assert io.load(tmp_path / "w")["a"].dtype == np.float32


def test_tensors_and_scalars_are_saved_too(tmp_path):
    io.save({"t": Tensor([1.0, 2.0]), "s": np.float64(3)}, tmp_path / "w")
    loaded = io.load(tmp_path / "w")
    assert loaded["t"].tolist() == [1, 2] and loaded["s"] == 3


def test_loaded_arrays_can_be_changed(tmp_path):
    io.save({"a": np.zeros(2)}, tmp_path / "w")
    io.load(tmp_path / "w")["a"][0] = 1


def test_a_model_comes_back(tmp_path):
    model = nn.Linear(3, 2)
    io.save(model.state_dict(), tmp_path / "w")
    other = nn.Linear(3, 2)
    other.load_state_dict(io.load(tmp_path / "w"))
    assert same(other.state_dict(), model.state_dict())


# ---- foreign files ----
def test_a_file_that_torch_wrote():
    """golden/torch_weights.safetensors was made by torch; its values follow a formula."""
    loaded = io.load(GOLDEN)
    assert {k: (v.dtype.name, v.shape) for k, v in loaded.items()} == {
        "0.weight": ("float32", (3, 2)),
        "0.bias": ("float32", (3,)),
        "1.num_batches_tracked": ("int64", ()),
        "1.running_mean": ("float64", (3,)),
    }
    assert loaded["0.weight"].ravel().tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert loaded["0.bias"].tolist() == [-1, -2, -3]
    assert loaded["1.num_batches_tracked"] == 7
    assert loaded["1.running_mean"].tolist() == [0.1, 0.2, 0.3]


def test_the_safetensors_package_reads_ours(tmp_path):
    load_file = pytest.importorskip("safetensors.numpy").load_file
    io.save(example(), tmp_path / "w")
    assert same(load_file(tmp_path / "w"), example())


def test_a_file_without_a_digest_is_taken(tmp_path):
    (tmp_path / "w").write_bytes(raw({"a": entry()}, np.array([1, 2], "<f4").tobytes()))
    assert io.load(tmp_path / "w")["a"].tolist() == [1, 2]


def test_metadata_of_others_is_passed_over(tmp_path):
    (tmp_path / "w").write_bytes(raw({"__metadata__": {"format": "pt"}, "a": entry()}, bytes(8)))
    assert list(io.load(tmp_path / "w")) == ["a"]


# ---- damage ----
def test_no_flipped_bit_changes_what_is_loaded(tmp_path):
    path, damaged = tmp_path / "w", tmp_path / "damaged"
    io.save(example(), path)
    good, content, harmless = io.load(path), path.read_bytes(), 0
    for i in range(len(content)):
        for bit in range(8):
            damaged.write_bytes(content[:i] + bytes([content[i] ^ 1 << bit]) + content[i + 1 :])
            try:
                loaded = io.load(damaged)
            except ValueError as error:
                assert "damaged" in str(error)
            else:
                harmless += 1
                assert same(loaded, good)
    assert harmless <= 8 * len(io.DIGEST)  # the name of the digest: the file is then one without


def test_every_truncation_is_an_error(tmp_path):
    io.save(example(), tmp_path / "w")
    content = (tmp_path / "w").read_bytes()
    for n in range(len(content)):
        (tmp_path / "cut").write_bytes(content[:n])
        with pytest.raises(ValueError, match="cut.*is not a sound safetensors file"):
            io.load(tmp_path / "cut")


def test_bytes_at_the_end_are_an_error(tmp_path):
    io.save(example(), tmp_path / "w")
    (tmp_path / "w").write_bytes((tmp_path / "w").read_bytes() + b"\0")
    with pytest.raises(ValueError, match="not a sound"):
        io.load(tmp_path / "w")


HOSTILE = {
    "empty": b"",
    "seven bytes": bytes(7),
    "a header of nothing": bytes(8),
    "a header larger than the file": (1000).to_bytes(8, "little") + b"{}",
    "a header of 2^63 bytes": (2**63).to_bytes(8, "little") + b"{}",
    "a header of more than 100 MB": (100_000_001).to_bytes(8, "little") + b"{}",
    "no JSON": raw(b"hello"),
    "a list": raw(b"[]"),
    "no UTF-8": raw(b'{"\xff":1}'),
    "a name twice": raw(b'{"a":%b,"a":%b}' % ((json.dumps(entry()).encode(),) * 2), bytes(8)),
    "metadata twice": raw(b'{"__metadata__":{"x":"1"},"__metadata__":{"x":"2"},"a":%b}' % json.dumps(entry()).encode()),
    "a note twice": raw(b'{"__metadata__":{"x":"1","x":"2"},"a":%b}' % json.dumps(entry()).encode(), bytes(8)),
    "a field twice": raw(b'{"a":{"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]}}', bytes(8)),
    "overlap": raw({"a": entry(), "b": entry()}, bytes(8)),
    "half an overlap": raw({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
    "a hole": raw({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20)),
    "a hole in front": raw({"a": entry(offsets=(4, 12))}, bytes(12)),
    "data missing": raw({"a": entry()}, bytes(7)),
    "data left over": raw({"a": entry()}, bytes(9)),
    "backwards": raw({"a": entry(offsets=(8, 0))}, bytes(8)),
    "beyond the end": raw({"a": entry(shape=(2**40,), offsets=(0, 2**42))}, bytes(8)),
    "a shape that overflows": raw({"a": entry(shape=(2**40, 2**40))}, bytes(8)),
    "a shape that overflows to 0": raw({"a": entry(shape=(2**62, 4), offsets=(0, 0))}),
    "an empty shape that is huge": raw({"a": entry(shape=(0, 2**62, 2**62), offsets=(0, 0))}),
    "a shape of 100 axes": raw({"a": entry(shape=(1,) * 100, offsets=(0, 4))}, bytes(4)),
    "a negative shape": raw({"a": entry(shape=(-2,))}, bytes(8)),
    "a shape of floats": raw({"a": entry(shape=(2.0,))}, bytes(8)),
    "a shape of booleans": raw({"a": entry(shape=(True,), offsets=(0, 4))}, bytes(4)),
    "a dtype nobody knows": raw({"a": entry(dtype="F99")}, bytes(8)),
    "bfloat16": raw({"a": entry(dtype="BF16", shape=(4,))}, bytes(8)),
    "float16": raw({"a": entry(dtype="F16", shape=(4,))}, bytes(8)),
    "complex": raw({"a": entry(dtype="C64", shape=(1,))}, bytes(8)),
    "no dtype": raw({"a": {"shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
    "deep JSON": raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "deep JSON in a field": raw(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":' + b"[" * 10**5 + b"]" * 10**5 + b"}}", bytes(8)
    ),
    "a note that is no string": raw({"__metadata__": {"x": 1}, "a": entry()}, bytes(8)),
    "a wrong digest": raw({"__metadata__": {io.DIGEST: "0" * 64}, "a": entry()}, bytes(8)),
    "a pickle": b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "a zip archive": b"PK\x03\x04" + bytes(60),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name, tmp_path):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(HOSTILE[name])
    io.load(GOLDEN)  # the imports are no part of what is measured
    tracemalloc.start()
    with pytest.raises(ValueError, match="load: .*hostile.safetensors") as caught:
        io.load(path)
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert type(caught.value) is ValueError
    assert grown < 100_000 + 10 * len(HOSTILE[name])


def test_half_precision_says_which_array(tmp_path):
    (tmp_path / "w").write_bytes(HOSTILE["bfloat16"])
    with pytest.raises(ValueError, match="a has dtype BF16, which is none of F32"):
        io.load(tmp_path / "w")


# ---- bad arguments ----
BAD = {
    "no dict": ([np.zeros(2)], TypeError, "state_dict"),
    "a name that is a number": ({1: np.zeros(2)}, TypeError, "names must be strings, got 1"),
    "a name that is taken": ({"__metadata__": np.zeros(2)}, ValueError, "__metadata__"),
    "a list": ({"a": [1.0]}, TypeError, "a must be an array or a tensor, got list"),
    "objects": ({"a": np.array([{}])}, TypeError, "a must hold .* got object"),
    "half precision": ({"a": np.zeros(2, np.float16)}, TypeError, "got float16"),
    "complex": ({"a": np.zeros(2, np.complex64)}, TypeError, "got complex64"),
    "strings": ({"a": np.array(["x"])}, TypeError, "got <U1"),
    "dates": ({"a": np.array(["2020"], "M8[Y]")}, TypeError, "got datetime64"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_leave_the_file_that_was_there(name, tmp_path):
    state, kind, message = BAD[name]
    io.save({"old": np.ones(2)}, tmp_path / "w")
    with pytest.raises(kind, match=f"save: .*{message}"):
        io.save(state, tmp_path / "w")
    assert list(io.load(tmp_path / "w")) == ["old"]
    assert os.listdir(tmp_path) == ["w"]


@pytest.mark.parametrize("path", [None, 3, b"w"])
def test_bad_paths(path):
    for call in (lambda: io.save({}, path), lambda: io.load(path)):
        with pytest.raises(TypeError, match="path must be a path, got"):
            call()


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError):
        io.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        io.save({}, tmp_path / "nothing" / "w")


# ---- writing is all or nothing ----
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_refuses_keeps_the_old_file(call, tmp_path, monkeypatch):
    io.save({"old": np.ones(2)}, tmp_path / "w")

    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(OSError, match="No space"):
            io.save({"new": np.ones(2)}, tmp_path / "w")
    assert list(io.load(tmp_path / "w")) == ["old"]
    assert os.listdir(tmp_path) == ["w"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_while_writing(tmp_path, monkeypatch):
    io.save({"old": np.ones(2)}, tmp_path / "w")
    real = open

    def full(name, mode="r", *options, **more):
        return real("/dev/full" if mode == "xb" else name, "wb" if mode == "xb" else mode, *options, **more)

    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", full)
        with pytest.raises(OSError, match="No space"):
            io.save({"new": np.ones(2)}, tmp_path / "w")
    assert list(io.load(tmp_path / "w")) == ["old"]


@pytest.mark.skipif(os.name != "posix", reason="links and permissions as POSIX has them")
def test_links_are_followed_and_permissions_are_the_usual(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "w")
    old = os.umask(0o027)
    try:
        io.save({"a": np.ones(2)}, tmp_path / "link")
    finally:
        os.umask(old)
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE((tmp_path / "real" / "w").stat().st_mode) == 0o640


def test_importing_minidl_imports_neither_safetensors_nor_matplotlib_nor_tqdm():
    code = (
        "import minidl.io, minidl.train, minidl.plot, sys\n"
        "print([name for name in ('safetensors', 'matplotlib', 'tqdm') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"save: there is no such folder: .*nowhere'"):
        io.save({"w": np.ones(2)}, tmp_path / "nowhere" / "w.safetensors")
