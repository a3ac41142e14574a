"""Hypothesis profiles, and the backend that the suite runs on."""

import os

import hypothesis
import matplotlib
import pytest

import minidl

matplotlib.use("Agg")

hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=400, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_addoption(parser):
    parser.addoption("--backend", default="numpy", choices=["numpy", "cupy"], help="the arrays that the suite runs on")


def pytest_configure(config):
    minidl.use(config.getoption("--backend"))


@pytest.fixture(autouse=True)
def fresh_seed():
    minidl.manual_seed(0)
