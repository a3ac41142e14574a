"""Hypothesis profiles, and the backend that the suite runs on."""

import os
import sys

import hypothesis
import matplotlib
import pytest

import minidl
from minidl.study.site import write_site
from tests.gpu import standin
from tests.gpu.compile import COMPILER

matplotlib.use("Agg")

collect_ignore_glob = ["golden/make_*.py"]  # they need torch or scikit-learn, which the tests do not

hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=400, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        default="numpy",
        choices=["numpy", "cupy", "stand-in"],
        help="the arrays that the suite runs on; stand-in is a strict cupy over NumPy, with the real kernel bodies",
    )


def pytest_configure(config):
    name = config.getoption("--backend")
    config.missing = None  # why the suite cannot run there
    if name == "stand-in":
        config.missing = None if COMPILER else "the stand-in for CuPy needs a C++ compiler (c++, g++ or clang++)"
        if COMPILER:
            sys.modules["cupy"] = standin
    elif name == "cupy":
        config.missing = minidl.backend.why_no_gpu()
    if not config.missing:
        minidl.use("numpy" if name == "numpy" else "cupy")


def pytest_collection_modifyitems(config, items):
    if config.missing:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=config.missing))


@pytest.fixture(autouse=True)
def fresh_seed():
    minidl.manual_seed(0)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The study pages, all of them: (the folder that they are in, slug -> page)."""
    folder = tmp_path_factory.mktemp("site")
    return folder, {page.slug: page for page in write_site(folder)}
