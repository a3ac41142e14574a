r"""What there is to study, and where: from a name, as a reader would type it, to a file and what is public in it.

>>> find("LSTM").slug, find("lstm").slug, find("kernels/lstm").slug, find("demos/xor").slug
('LSTM', 'LSTM', 'kernel-lstm', 'demo-xor')
>>> find("LTSM")
Traceback (most recent call last):
    ...
minidl.study.errors.StudyError: study: nothing is called 'LTSM'; near it: 'LSTM', ...
"""

import difflib
import functools
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from minidl import evolution, functional, kernels, losses, nn, ops, optim, testing
from minidl.study.errors import StudyError, during

PACKAGE = Path(nn.__file__).resolve().parent.parent
ROOT = PACKAGE.parent  # of a checkout, where demos/ and tests/ lie too
KERNELS = Path(kernels.__path__[0]).resolve()
ENGINE = ("tensor", "graph", "writes", "backend", "jit", "threads", "random", "init", "cluster")
PACKAGES = ("ops", "nn", "losses", "optim", "testing")  # all of their files that are about no layer, loss or optimiser


@dataclass(frozen=True)
class Topic:
    r"""Something that has a page."""

    name: str
    kind: str  # as in Page
    slug: str
    path: Path
    object: Any = None  # the class or function; None for a page about a whole file
    module: ModuleType | None = None
    names: tuple[str, ...] = ()  # other names that lead here

    @property
    def file(self) -> str:
        r"""The path as a reader of the repository knows it."""
        if self.path.parent == KERNELS:
            return f"kernels/{self.path.name}"
        return str(self.path.relative_to(ROOT)) if self.path.is_relative_to(ROOT) else str(self.path)


def _thing(kind: str, x: Any) -> Topic:
    module = inspect.getmodule(x)
    path = Path(module.__file__).resolve()
    return Topic(x.__name__, kind, x.__name__, path, x, module, (path.stem, *_public(module)))


def _file(kind: str, path: Path, slug: str, module: str | None = None) -> Topic:
    try:
        module = importlib.import_module(module) if module else None
    except ImportError:  # of what the page does not need, as hypothesis for testing/strategies.py
        module = None
    return Topic(path.stem, kind, slug, path, None, module, (path.stem, *(_public(module) if module else ())))


def _public(module: ModuleType) -> tuple[str, ...]:
    """What is public of a module of ours: found under one of the packages' `__all__`."""
    packages = (ops, nn, functional, losses, optim, evolution, testing)
    public = {name for package in packages for name in package.__all__}
    return tuple(n for n, x in vars(module).items() if n in public and getattr(x, "__module__", "") == module.__name__)


@functools.cache
def catalogue() -> dict[str, Topic]:
    r"""Every page of the site: slug -> topic, in the order of the index.

    >>> sorted({topic.kind for topic in catalogue().values()} - {"demo"})
    ['engine', 'evolution', 'kernel', 'layer', 'loss', 'optimiser']
    """
    layers = [x for x in (getattr(nn, name) for name in nn.__all__) if inspect.isclass(x) and issubclass(x, nn.Module)]
    found = [_thing("layer", x) for x in sorted(layers, key=lambda x: x.__name__.lower()) if x is not nn.Module]
    found += [_thing("loss", x) for x in losses.LOSSES.values()]
    found += [_thing("optimiser", x) for x in (*optim.OPTIMIZERS.values(), *optim.SCHEDULES.values())]
    found += [_thing("optimiser", optim.clip_grad_norm)]
    modules = {inspect.getmodule(getattr(evolution, name)) for name in evolution.__all__}
    modules = {module.__name__: module for module in modules if module}
    for name in sorted(modules):
        if name.startswith("minidl.evolution."):
            found.append(_file("evolution", Path(modules[name].__file__).resolve(), name.rpartition(".")[2], name))
    files = [PACKAGE / f"{name}.py" for name in ENGINE]
    files += [path for package in PACKAGES for path in sorted((PACKAGE / package).glob("[!_]*.py"))]
    for path in files:
        words = path.relative_to(PACKAGE).with_suffix("").parts
        if not path.stem.startswith("registered_") and path not in {topic.path for topic in found}:
            found.append(_file("engine", path, "-".join(words), ".".join(("minidl", *words))))
    found += [
        _file("kernel", path, f"kernel-{path.stem}", f"minidl.kernels.{path.stem}")
        for path in sorted(KERNELS.glob("*.py"))
    ]
    demos = [path for path in sorted((ROOT / "demos").glob("[!_]*.py")) if path.stem != "common"]
    found += [_file("demo", path, f"demo-{path.stem}") for path in demos]
    return {topic.slug: topic for topic in found}


def find(name: str) -> Topic:
    r"""The topic of this name: of a class or function ("LSTM", "nn.LSTM", "cross_entropy"), of a file ("tensor",
    "minidl/nn/lstm.py", "kernels/lstm", "demos/xor"), or of a Module in a file of the reader's ("my.py:PeepholeLSTM").

    Raises StudyError where there is none, with the names that are near.
    """
    if not isinstance(name, str):
        raise TypeError(f"study: name must be a string, got {type(name).__name__}")
    path, _, word = name.rpartition(":")  # of what may be "C:\mine.py"
    if path.endswith(".py"):
        return _in_file(Path(path), word)
    return _in_file(Path(name), "") if name.endswith(".py") else _named(name)


def _named(name: str) -> Topic:
    plain = name.removeprefix("minidl.").replace("\\", "/")
    last = plain.replace("/", ".").rpartition(".")[2]
    words = [plain, plain.replace("/", "-").replace(".", "-")]
    if plain.startswith(("kernels/", "kernels.")):
        words = [f"kernel-{last}"]
    elif plain.startswith(("demos/", "demos.")):
        words = [f"demo-{last}"]
    elif "." in plain or "/" in plain:
        words.append(last)
    topics = list(catalogue().values())
    for same in (str.__eq__, lambda a, b: a.lower() == b.lower()):
        for what in (lambda topic: (topic.slug,), lambda topic: (topic.name, *topic.names)):
            for word in words:
                for topic in topics:
                    if any(same(other, word) for other in what(topic)):
                        return topic
    known = sorted({word for topic in topics for word in (topic.slug, topic.name, *topic.names)})
    raise StudyError(f"study: nothing is called {name!r}; {_near(name, known)}")


def _near(name: str, known: list[str]) -> str:
    lower = {word.lower(): word for word in reversed(known)}  # LSTM rather than lstm
    near = [lower[word] for word in difflib.get_close_matches(name.lower(), lower, n=4, cutoff=0.5)]
    if not near:
        return "`minidl study --list` prints all names"
    return "near it: " + ", ".join(map(repr, near))


def _in_file(path: Path, name: str) -> Topic:
    if not path.is_file():
        raise StudyError(f"study: there is no file {str(path)!r}")
    path = path.resolve()
    for topic in catalogue().values():
        if topic.path == path and name in ("", topic.name, *topic.names):
            return topic
    module = _load(path)
    layers = {n: x for n, x in vars(module).items() if inspect.isclass(x) and issubclass(x, nn.Module)}
    layers = {n: x for n, x in layers.items() if x.__module__ == module.__name__}
    if not layers:
        raise StudyError(f"study: {path.name} defines no minidl.nn.Module")
    if not name and len(layers) > 1:
        raise StudyError(
            f"study: {path.name} defines {', '.join(layers)}; say which, as in {path.name}:{next(iter(layers))}"
        )
    name = name or next(iter(layers))
    if name not in layers:
        raise StudyError(f"study: {path.name} defines no Module {name!r}; {_near(name, sorted(layers))}")
    return Topic(name, "layer", name, path, layers[name], module, ())


def _load(path: Path) -> ModuleType:
    """The module in this file, as `import` would load it with its folder on the path; a file of a package as part of
    that. It gets the file's name only if nothing else has it: a reader's random.py must not take the place of Python's.
    """
    folder, name = path.parent, path.stem.replace(".", "_")
    while (folder / "__init__.py").exists():
        folder, name = folder.parent, f"{folder.name}.{name}"
    if folder == path.parent:
        spec = None if name in sys.modules else importlib.util.find_spec(name)
        used = getattr(sys.modules[name], "__file__", "") if name in sys.modules else spec and spec.origin
        name = name if used in (None, str(path)) else str(path)
    sys.path.insert(0, str(folder))
    try:
        with during("cannot be imported", path):
            return _executed(name, path) if folder == path.parent else importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


def _executed(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module  # as inspect needs it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        raise
    return module


def related(topic: Topic, called: dict[str, list[str]]) -> list[tuple[str, str]]:
    r"""(slug, name) of the pages that go with this one: of the same file, of the files of its bases, and of the kernels
    that it calls."""
    topics = list(catalogue().values())
    bases = inspect.getmro(topic.object)[1:] if inspect.isclass(topic.object) else ()
    files = [topic.path, *(Path(inspect.getfile(b)).resolve() for b in bases if b.__module__.startswith("minidl."))]
    found = [(t.slug, t.name) for file in files for t in topics if t.path == file and t.slug != topic.slug]
    found += [(f"kernel-{name}", f"kernels/{name}.py") for name in called]
    return list(dict.fromkeys(found))
