"""The plan of the house: what lies where, and which way the arrows go."""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# a file may import from its own floor and from floors below
FLOORS = [
    ("minidl.backend", "minidl.jit", "minidl.scalar", "minidl.check", "minidl.memory", "minidl.threads")
    + ("minidl.kernels",),
    ("minidl.tensor", "minidl.graph", "minidl.modes", "minidl.writes", "minidl.diagnose", "minidl.random", "minidl.ops")
    + ("minidl.progress", "minidl.host", "minidl.replay"),
    ("minidl.nn", "minidl.losses", "minidl.init", "minidl.optim", "minidl.cluster", "minidl.history", "minidl.plot"),
    ("minidl.train", "minidl.datasets", "minidl.testing", "minidl.io", "minidl.interop", "minidl.functional")
    + ("minidl.evolution",),
    ("minidl.study", "minidl.graph_command"),
    ("minidl.__main__", "minidl"),
    ("demos",),
]


def floor(module):
    for number, rooms in enumerate(FLOORS):
        if any(module == room or module.startswith(room + ".") for room in rooms if room != "minidl"):
            return number
    assert module == "minidl", f"{module} has no place in the house: add it to FLOORS"
    return 5


def sources():
    for folder in ("minidl", "kernels", "demos"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "kernels" in path.parts and folder == "minidl":
                continue  # the link: kernels/ is read under its own name
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            yield path, ".".join(("minidl", *parts) if folder == "kernels" else parts)


def modules_imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                assert path.is_relative_to(ROOT / "tests"), f"{path}: relative import"
                continue
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_module = (ROOT / Path(*full.split("."))).exists() or (ROOT / Path(*full.split("."))).with_suffix(
                    ".py"
                ).exists()
                yield full if is_module else node.module


def test_arrows_only_go_down():
    names = {name for _, name in sources()}
    for path, name in sources():
        for target in modules_imported(path):
            if target.split(".")[0] not in ("minidl", "demos") or (target == "minidl" and name in ("minidl",)):
                continue
            assert floor(target) <= floor(name), f"{name} imports {target}, which lives above it"
    assert len(names) > 30


def test_kernels_import_only_the_switch_and_each_other():
    for path, name in sources():
        if name.startswith("minidl.kernels."):
            ours = {m for m in modules_imported(path) if m.startswith("minidl") and not m.startswith("minidl.kernels.")}
            assert ours <= {"minidl.backend", "minidl.jit", "minidl.scalar", "minidl.threads"}, f"{name} imports {ours}"


def test_the_tables_lead_to_every_layer_and_kernel():
    for page, folder in (("README.md", "minidl/nn"), ("README.md", "kernels"), ("kernels/README.md", "kernels")):
        links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8"))
        targets = {((ROOT / page).parent / link).resolve() for link in links}
        assert not [str(t) for t in targets if not t.exists()], f"{page} has links that lead nowhere"
        missing = {p.name for p in (ROOT / folder).glob("*.py") if p.resolve() not in targets} - {"__init__.py"}
        assert not missing, f"{page} does not lead to {missing}"


def test_nobody_imports_kernels_by_its_folder():
    for folder in ("minidl", "kernels", "demos", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for target in modules_imported(path):
                assert target.split(".")[0] != "kernels", f"{path.name} imports kernels; write minidl.kernels"


def test_kernels_link_and_folder_are_the_same():
    link = ROOT / "minidl" / "kernels"
    if link.is_file():
        pytest.skip("this checkout has no symbolic links (git wrote the link as a text file)")
    assert os.path.samefile(link, ROOT / "kernels")
    assert not (ROOT / "kernels" / "__init__.py").exists()


def test_a_checkout_without_links_works(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__", "kernels")
    shutil.copytree(ROOT / "minidl", tmp_path / "minidl", ignore=ignore)
    shutil.copytree(ROOT / "kernels", tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "minidl" / "kernels").write_text("../kernels")  # what git writes there
    code = "from minidl.kernels import window; print(window.__file__)"
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(out.stdout.strip()) == tmp_path / "kernels" / "window.py"


def test_package_list_equals_the_folders():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = set(config["options"]["packages"].split())
    found = {"minidl", "minidl.kernels", "minidl.datasets.data"}
    for init in (ROOT / "minidl").rglob("__init__.py"):
        found.add(".".join(init.parent.relative_to(ROOT).parts))
    assert listed == found


def test_import_is_light():
    code = (
        "import sys, minidl; "
        "heavy = {'matplotlib', 'cupy', 'safetensors', 'hypothesis', 'torch', 'tqdm.notebook'}; "
        "print(sorted(heavy & set(sys.modules)), minidl.kernels.window.im2col_cpu.signatures "
        "if hasattr(minidl.kernels.window.im2col_cpu, 'signatures') else [])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert out.stdout.strip() == "[] []"  # no heavy package, nothing compiled


def test_doctor_speaks():
    out = subprocess.run(
        [sys.executable, "-m", "minidl", "doctor"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    for word in ("numpy", "numba", "threads", "gpu", "backend"):
        assert word in out.stdout
