r"""What every demo shares: its options, and where its pictures go."""

import argparse
from pathlib import Path
from typing import Any

import minidl


def options(description: str, argv: list[str] | None, **more: dict) -> argparse.Namespace:
    r"""Read a demo's command line (`--backend --seed --quick --out`, and `more`: option name -> arguments of
    argparse's add_argument), and put them into force."""
    name = description.split(":")[0].strip()
    parser = argparse.ArgumentParser(prog=f"python -m demos {name}", description=description)
    parser.add_argument("--backend", choices=minidl.backend.BACKENDS, default=minidl.current(), help="NumPy or CuPy")
    parser.add_argument("--seed", type=int, default=0, help="start of the random numbers (default 0)")
    parser.add_argument("--quick", action="store_true", help="a smaller run, to see that it works")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for pictures (default out)")
    for option, arguments in more.items():
        parser.add_argument(f"--{option}", **arguments)
    args = parser.parse_args(argv)
    try:
        minidl.use(args.backend)
        minidl.manual_seed(args.seed)
        args.out.mkdir(parents=True, exist_ok=True)
    except (RuntimeError, ValueError, OSError) as error:  # no GPU, a negative seed, a file in the folder's place
        parser.error(str(error))
    return args


def positive(text: str) -> int:
    r"""A number of epochs or the like, as argparse's `type`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer >= 1, got {text}")
    return int(text)


def save(figure: Any, path: Path) -> None:
    r"""Write a picture and say where it is."""
    figure.savefig(path, dpi=110, bbox_inches="tight")
    print(f"picture: {path}")
