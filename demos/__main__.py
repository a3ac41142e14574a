r"""`python -m demos` lists the demos, `python -m demos NAME [options]` runs one."""

import ast
import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def demos() -> dict[str, str]:
    r"""Every demo's name and the first line of its docstring."""
    names = sorted(p.stem for p in FOLDER.glob("*.py") if p.stem not in ("__init__", "__main__", "common"))
    texts = (ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))) for name in names)
    return {name: text.splitlines()[0].split(": ", 1)[1] for name, text in zip(names, texts, strict=True)}


def main(arguments: list[str]) -> int:
    r"""Run the command line; returns the exit status."""
    known = demos()
    if not arguments or arguments[0] in ("-h", "--help"):
        print("python -m demos NAME [--backend numpy|cupy] [--seed N] [--quick] [--out FOLDER]\n")
        width = max(map(len, known))
        for name, text in known.items():
            print(f"  {name:{width}} {text}")
        return 0
    name, *rest = arguments
    if name not in known:
        print(f"no demo is called {name!r}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    importlib.import_module(f"demos.{name}").main(rest)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
