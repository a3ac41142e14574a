r"""Study pages: layers, losses, optimisers, operators of evolution, kernels, demos, explained beside their source.

`minidl study LSTM` writes one (see command.py). All of it is made of the file itself: its docstrings, comments and
code, and what a run of it shows. The extra `study` has what is needed: `pip install "minidl[study]"`.

| file | what it does |
|---|---|
| `find.py`, `errors.py` | from a name to a file; what is wrong with it |
| `source.py` | a file, taken apart: notes beside the code that they belong to |
| `example.py`, `trace.py` | a small input; what happens to it, array by array |
| `checks.py`, `golden.py` | the gradient check, the speed; how far our numbers are from torch's |
| `costs.py`, `blocks.py`, `picture.py` | formulas as numbers; a kernel's blocks; `illustrate(ax)` as SVG |
| `page.py`, `build.py` | a page as data, and how it comes about |
| `markup.py`, `formula.py`, `html.py`, `terminal.py` | the same on paper |
| `site.py`, `command.py` | files; the command line |
"""
