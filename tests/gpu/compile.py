r"""Bodies of `cupy.ElementwiseKernel` without a GPU: compiled as C++, one loop over i, called through ctypes.

The rules are CuPy's: a type letter (T) takes the type of the arrays, a fixed type must fit; `raw` arrays are indexed by
the body, others are broadcast and stand for their element i; inputs are const. Two things are stricter than a GPU. An
index outside of a raw array is an error that names array and index (a GPU reads on), and a body
cannot use the macros that NVRTC does not have (INFINITY, NAN).
"""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

COMPILER = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
FOLDER = Path(tempfile.gettempdir()) / f"minidl-gpu-bodies-{os.getuid() if hasattr(os, 'getuid') else 0}"
# no fused multiply-add (a GPU may fuse, with the same rounding or a better one), no reordering
FLAGS = ("-O1", "-std=c++17", "-shared", "-fPIC", "-ffp-contract=off", "-Wall", "-Wno-unused", "-Werror")
C_TYPES = {
    "float32": "float",
    "float64": "double",
    "int8": "signed char",
    "uint8": "unsigned char",
    "int32": "int",
    "int64": "long long",
    "bool": "bool",
}

PRELUDE = r"""
#include <cmath>
#include <cstddef>
#undef INFINITY
#undef NAN
static const char* bad_name;         // the first raw array that was indexed outside of its bounds,
static long long bad_index;          // and the index
static long long nothing[2];         // what is read and written there instead

template <class A> struct Raw {      // CuPy's CArray, as far as bodies use it
    A* data; long long n; const char* name;
    long long size() const { return n; }
    A& operator[](long long j) const {
        if (0 <= j && j < n) return data[j];
        if (!bad_name) { bad_name = name; bad_index = j; }
        return *reinterpret_cast<A*>(nothing);
    }
};
static inline int min(int a, int b) { return b < a ? b : a; }
static inline int max(int a, int b) { return a < b ? b : a; }
static inline long long min(long long a, long long b) { return b < a ? b : a; }
static inline long long max(long long a, long long b) { return a < b ? b : a; }
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }
"""
# CUDA has these for both types; C's need the name of the type
OVERLOADED = "exp log log1p expm1 sqrt tanh sin cos erf erfc fabs floor ceil pow".split()
for _name in OVERLOADED:
    PRELUDE += f"using std::{_name};\n"
PRELUDE += "using std::isnan;\nusing std::isinf;\nusing std::isfinite;\n"


class Parameter:
    r"""One parameter: "raw T x" -> raw, type and name."""

    def __init__(self, text: str):
        match = re.fullmatch(r"(raw\s+)?(\w+)\s+(\w+)", text.strip())
        if not match:
            raise ValueError(f"cannot read the parameter {text!r}")
        self.raw, self.type, self.name = bool(match[1]), match[2], match[3]
        if self.name in ("i", "n") or self.name.startswith("_"):
            raise ValueError(f"{self.name!r} is a reserved name of CuPy's")
        if len(self.type) > 1 and self.type not in C_TYPES:
            raise ValueError(f"unknown type {self.type!r} of {self.name}")


class ElementwiseKernel:
    r"""Called like CuPy's, on NumPy arrays: inputs, then (if wanted) outputs; `size=` where all arrays are raw."""

    def __init__(self, in_params: str, out_params: str, body: str, name: str = "kernel"):
        self.ins = [Parameter(p) for p in in_params.split(",") if p.strip()]
        self.outs = [Parameter(p) for p in out_params.split(",") if p.strip()]
        self.body, self.name = body, name

    def __call__(self, *args, size: int | None = None):
        if len(args) not in (len(self.ins), len(self.ins) + len(self.outs)):
            raise TypeError(f"{self.name}: {len(args)} arguments for {len(self.ins)} inputs, {len(self.outs)} outputs")
        types = self._types(args)
        parameters = self.ins + self.outs
        shape = np.broadcast_shapes(
            *(a.shape for p, a in zip(parameters, args, strict=False) if isinstance(a, np.ndarray) and not p.raw)
        )
        if size is not None:
            shape = (size,)
        elif all(p.raw or not isinstance(a, np.ndarray) for p, a in zip(parameters, args, strict=False)):
            raise ValueError(f"{self.name}: size= is needed, as all arrays are raw")
        results = list(args[len(self.ins) :])
        if not results:
            results = [poisoned(shape, types[p.name]) for p in self.outs]
        for p, y in zip(self.outs, results, strict=True):
            if not p.raw and y.shape != shape:
                raise ValueError(f"{self.name}: output {p.name} has shape {y.shape}, the loop {shape}")
        places = [np.ascontiguousarray(y) for y in results]
        pointers, sizes, alive = [], [], []
        for p, a in zip(parameters, [*args[: len(self.ins)], *places], strict=True):
            if isinstance(a, np.ndarray) and not p.raw and p in self.ins:
                a = np.broadcast_to(a, shape)
            a = np.ascontiguousarray(a, types[p.name])
            alive.append(a)
            pointers.append(a.ctypes.data)
            sizes.append(a.size)
        bad = ctypes.c_longlong()
        run = compiled(self.source(types)).run
        run.restype = ctypes.c_char_p
        name = run(
            (ctypes.c_void_p * len(pointers))(*pointers),
            (ctypes.c_longlong * len(sizes))(*sizes),
            ctypes.c_longlong(int(np.prod(shape, dtype=np.int64))),
            ctypes.byref(bad),
        )
        if name:
            raise IndexError(f"{self.name}: {name.decode()}[{bad.value}] is outside of the array")
        for y, place in zip(results, places, strict=True):
            if y is not place:
                y[...] = place
        return results[0] if len(results) == 1 else tuple(results)

    def _types(self, args: tuple) -> dict[str, np.dtype]:
        letters: dict[str, np.dtype] = {}
        for p, a in zip(self.ins + self.outs, args, strict=False):
            if not isinstance(a, np.ndarray):
                if p.raw or not isinstance(a, int | float | np.generic):
                    raise TypeError(f"{self.name}: {p.name} must be an array or a number, got {type(a).__name__}")
                continue
            known = letters.setdefault(p.type, a.dtype) if len(p.type) == 1 else np.dtype(p.type)
            if known != a.dtype:
                raise TypeError(f"{self.name}: {p.name} must be {known}, got {a.dtype}")
        try:
            return {p.name: letters[p.type] if len(p.type) == 1 else np.dtype(p.type) for p in self.ins + self.outs}
        except KeyError as letter:
            raise TypeError(f"{self.name}: no array tells what {letter} is") from None

    def source(self, types: dict[str, np.dtype]) -> str:
        r"""The C++ program for these types of the arguments."""
        head, inside = [], []
        aliases = {p.type: C_TYPES[str(types[p.name])] for p in self.ins + self.outs if len(p.type) == 1}
        for k, p in enumerate(self.ins + self.outs):
            const = "const " if k < len(self.ins) else ""
            c = const + C_TYPES[str(types[p.name])]
            if p.raw:
                head.append(f'Raw<{c}> {p.name} = {{({c}*)_a[{k}], _sizes[{k}], "{p.name}"}};')
            else:  # a number has size 1 and an array (broadcast by now) the size of the loop
                inside.append(f"{c}& {p.name} = (({c}*)_a[{k}])[_sizes[{k}] == 1 ? 0 : i];")
        lines = [  # names of its own start with _, which CuPy lets no parameter have
            PRELUDE,
            *(f"typedef {c} {letter};" for letter, c in aliases.items()),
            *(f"typedef {C_TYPES[t]} {t};" for t in ("float32", "float64", "int32", "int64")),
            'extern "C" const char* run(void** _a, const long long* _sizes, long long _total, long long* _bad) {',
            "bad_name = nullptr;",
            *head,
            "for (ptrdiff_t i = 0; i < _total; ++i) {",
            *inside,
            self.body,
            "}",
            "*_bad = bad_index;",
            "return bad_name;",
            "}\n",
        ]
        return "\n".join(lines)


_loaded: dict[str, ctypes.CDLL] = {}


def compiled(source: str) -> ctypes.CDLL:
    r"""The library made of this C++ source, compiled once per machine. RuntimeError with the compiler's words."""
    key = hashlib.sha256(" ".join((*FLAGS, str(COMPILER), source)).encode()).hexdigest()[:32]
    if key not in _loaded:
        FOLDER.mkdir(mode=0o700, exist_ok=True)
        library = FOLDER / f"{key}.so"
        if not library.exists():
            with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
                (Path(folder) / "body.cpp").write_text(source)
                command = [COMPILER, *FLAGS, "body.cpp", "-o", "body.so"]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                if done.returncode:
                    raise RuntimeError(f"the body does not compile:\n{done.stderr}")
                os.replace(Path(folder) / "body.so", library)
        _loaded[key] = ctypes.CDLL(str(library))
    return _loaded[key]


def poisoned(shape: tuple, dtype: np.dtype) -> np.ndarray:
    r"""What `empty` may return at its worst: NaN, or an absurd integer, everywhere."""
    y = np.empty(shape, dtype)
    y.fill(np.nan if y.dtype.kind == "f" else True if y.dtype.kind == "b" else np.iinfo(y.dtype).min // 3)
    return y
