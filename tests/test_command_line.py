"""`minidl graph`: what is drawn, and what is said where nothing can be."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from minidl import graph_command, plot
from minidl.__main__ import main
from tests.test_plot_graph import words

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")


@pytest.fixture
def drawn(monkeypatch):
    """The Axes that the command draws."""
    axes = []

    def draw(*arguments, **options):
        axes.append(plot.plot_graph(*arguments, **options))
        return axes[-1]

    monkeypatch.setattr(graph_command, "plot_graph", draw)
    return axes


def refused(capsys, *arguments):
    """What is said on the error stream of a command that does nothing."""
    assert main(["graph", *arguments]) == 2
    out, error = capsys.readouterr()
    assert out == "" and not list(Path().iterdir())
    assert error.startswith("minidl graph: ") and "Traceback" not in error
    return error


def test_an_expression_of_numbers(drawn, capsys):
    assert main(["graph", "tanh(w * x + b)", "w=-2", "x=1.5", "b=0.5"]) == 0
    assert capsys.readouterr().out == "graph.png\n"
    with Image.open("graph.png") as image:
        assert image.format == "PNG" and image.width > 400
    texts = words(drawn[0])
    assert {"w = -2\ngrad 0.03989", "x = 1.5\ngrad -0.05318", "b = 0.5\ngrad 0.02659", "-2.5\ngrad 0.02659"} < {*texts}


def test_lists_keywords_and_methods(drawn):
    values = ["x=[[1, 2]]", "w=[[3],[4]]", "t=[[10.0]]"]
    assert main(["graph", "mse_loss(x @ w, t, reduction='sum').sqrt()", *values, "--out", "loss.svg"]) == 0
    assert Path("loss.svg").read_text().startswith("<?xml")
    assert "[[11]]\ngrad [[1]]" in words(drawn[0])
    assert main(["graph", "stack([v * k for v in x]).sum() + x[0] - max(x)", "x=[1,2]", "k=3"]) == 0
    assert main(["graph", "--", "-x*2", "x=1"]) == 0


def test_from_a_shell():
    # as on a machine without a screen
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MPLBACKEND")} | {
        "PYTHONPATH": str(ROOT)
    }
    command = [sys.executable, "-m", "minidl", "graph", "x * x", "x=3", "--out", "square.png"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "square.png\n" and done.stderr == "" and Path("square.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tanhh(x)", "x=1"], ["'tanhh'", "did you mean tanh"]),
        (["weight * x", "weights=1", "x=2"], ["'weight'", "did you mean weights"]),
        (["zzzzzz + 1", "x=2"], ["'zzzzzz'", "known are x", "zzzzzz=1.5"]),
        (["open('x')", "x=1"], ["'open'"]),
        (["x * (2", "x=1"], ["'(' was never closed", "x * (2\n", "\n      ^"]),
        (["x = 2", "x=1"], ["invalid syntax", "x = 2\n"]),
        (["", "x=1"], ["invalid syntax"]),
        (["x", "x"], ["'x' is no NAME=VALUE", "w=-2"]),
        (["x", "2=3"], ["'2=3' is no NAME=VALUE"]),
        (["x", "x=abc"], ["'x=abc': the value must be a number or a list of numbers"]),
        (["x", "x=[1,[2]]"], ["the value must be a number or a list of numbers"]),
        (["x", "x='a'"], ["the value must be a number or a list of numbers"]),
        (["x", "x="], ["the value must be a number or a list of numbers"]),
        (["2 + 3", "x=1"], ["2 + 3 gives no tensor, but int"]),
        (["x + y", "x=[1,2]", "y=[1,2,3]"], ["x + y: Add", "(2,), (3,)"]),
        (["relu(x, 1, 2, 3)", "x=1"], ["relu"]),
        (["x.nothing", "x=1"], ["'nothing'"]),
        (["x[3]", "x=[1,2]"], ["out of range"]),
        (["1 / 0 * x", "x=1"], ["division by zero"]),
        (["x" + " + x" * 100, "x=1"], ["more than max_nodes=60"]),
        (["x", "x=1", "--out", "graph.docx"], ["cannot write graph.docx: Format", "supported formats"]),
        (["x", "x=1", "--out", "nowhere/graph.png"], ["cannot write nowhere/graph.png: No such file or directory"]),
    ],
)
def test_what_cannot_be_drawn_is_said_plainly(arguments, words, capsys):
    error = refused(capsys, *arguments)
    assert all(word in error for word in words), error


def test_a_folder_that_is_none(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert main(["graph", "x", "x=1", "--out", "file/graph.png"]) == 2
    assert "cannot write file/graph.png: Not a directory" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_an_unwritable_folder(capsys, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert main(["graph", "x", "x=1", "--out", "locked/graph.png"]) == 2
    assert "cannot write locked/graph.png: Permission denied" in capsys.readouterr().err
