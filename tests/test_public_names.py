r"""Every public name: documented by a doctest, and reached by a test that hypothesis drives."""

import ast
import functools
import importlib
import inspect
import types
from pathlib import Path

import pytest

from minidl.testing import registry

TESTS = Path(__file__).parent
HOUSES = ("", "nn", "functional", "losses", "optim", "train", "datasets", "init", "testing", "plot", "ops", "cluster")
HOUSES += ("evolution",)


def public():
    r"""Name -> object, each object once, under the first name that it has."""
    found = {}
    for house in HOUSES:
        module = importlib.import_module(f"minidl.{house}".rstrip("."))
        own = [n for n, v in vars(module).items() if n[0] != "_" and getattr(v, "__module__", "") == module.__name__]
        own = [n for n in own if n != "illustrate"]  # the picture of a study page
        for name in getattr(module, "__all__", own):
            found.setdefault(id(getattr(module, name)), (f"{house}.{name}".lstrip("."), getattr(module, name)))
    return dict(found.values())


PUBLIC = public()
ERRORS = {name for name, x in PUBLIC.items() if inspect.isclass(x) and issubclass(x, BaseException)}
MODULES = {name for name, x in PUBLIC.items() if inspect.ismodule(x)}
TABLES = {name for name, x in PUBLIC.items() if isinstance(x, dict)}


# ---- documented ----
# without a doctest of its own, and why
SHOWN_ELSEWHERE = {
    **dict.fromkeys(ERRORS, "is raised in the doctests of others"),
    **dict.fromkeys(MODULES, "its docstring is a table of what it holds"),
    **dict.fromkeys(TABLES, "is data; its comment says what"),
    "testing.Report": "is what check_layer prints",
}


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - TABLES))
def test_it_has_a_raw_docstring_with_a_doctest(name):
    x = PUBLIC[name]
    source = Path(x.__file__).read_text(encoding="utf-8") if name in MODULES else inspect.getsource(x)
    assert source.partition('"""')[0].endswith("r"), f"{name}: its docstring is not raw"
    assert ">>>" in x.__doc__ or name in SHOWN_ELSEWHERE, f"{name}: no doctest"


# ---- reached ----
class Reader:
    r"""What a test means by its names: the objects that it, or what it calls in its own file, mentions."""

    def __init__(self, path):
        self.module = importlib.import_module(f"tests.{path.stem}")
        self.body = ast.parse(path.read_text(encoding="utf-8")).body
        self.own = {n.name: n for n in self.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        self.own |= {
            t.id: n.value for n in self.body if isinstance(n, ast.Assign) for t in n.targets if type(t) is ast.Name
        }

    def drawn(self):
        r"""The tests under @given."""
        return [
            n
            for n in self.body
            if isinstance(n, ast.FunctionDef) and any("given" in ast.dump(d) for d in n.decorator_list)
        ]

    def value(self, node):
        if isinstance(node, ast.Name):
            return getattr(self.module, node.id, None)
        if isinstance(node, ast.Attribute):
            base = self.value(node.value)
            return getattr(base, node.attr, None) if isinstance(base, types.ModuleType) else None
        return None

    def mentions(self, test):
        r"""ids of objects; and through `getattr(module, name)` those whose names stand in a table that it reads."""
        ids, words, modules, seen, waiting = set(), set(), [], set(), [test]
        while waiting:
            for node in ast.walk(waiting.pop()):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    words.add(node.value)
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
                    modules.append(self.value(node.args[0]))
                if isinstance(node, ast.Name) and node.id in self.own and node.id not in seen:
                    seen.add(node.id)
                    waiting.append(self.own[node.id])
                x = self.value(node)
                ids.add(id(x))
                if isinstance(x, dict | list | tuple | set):  # a table: all that stands in it
                    items = [*x, *x.values()] if isinstance(x, dict) else x
                    ids |= {id(item) for item in items}
                    words |= {item for item in items if isinstance(item, str)}
        return ids | {
            id(getattr(m, w)) for m in modules if isinstance(m, types.ModuleType) for w in words if hasattr(m, w)
        }


@functools.cache
def reached():
    ids = set()
    for path in TESTS.glob("test_*.py"):
        if "@given" in path.read_text(encoding="utf-8"):
            reader = Reader(path)
            for test in reader.drawn():
                ids |= reader.mentions(test)
    # hypothesis draws every place of the registry (test_layers.py), and a layer calls its functional form
    for layer in registry.PLACES:
        for kind in getattr(layer, "__mro__", [layer]):
            ids.add(id(kind))
            if kind.__module__.startswith("minidl.nn."):
                known = vars(inspect.getmodule(kind))
                words = {n.id for n in ast.walk(ast.parse(inspect.getsource(kind))) if isinstance(n, ast.Name)}
                ids |= {id(known[word]) for word in words if word in known}
    return ids


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - MODULES - TABLES))
def test_hypothesis_reaches_it(name):
    assert id(PUBLIC[name]) in reached(), f"{name}: no @given test uses it; tests/test_drawn.py is the place for one"
