"""Checkpoints: a run that goes on is the run that never stopped; damage is noticed; a killed writer leaves a file."""

import itertools
import json
import os
import random as stdlib_random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import minidl
from minidl import io, nn, optim, random
from minidl.train import Checkpoint, History, Schedule, fit, load_checkpoint, save_checkpoint
from minidl.train.checkpoint import KEY

KILLS = int(os.environ.get("MINIDL_KILLS", "25"))
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = {**os.environ, "PYTHONPATH": ROOT, "OPENBLAS_NUM_THREADS": "1"}


def net():
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 3))


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 4)).astype(np.float32), rng.integers(0, 3, size=30)


def everything(model, optimizer, schedule=None):
    """All that a checkpoint must bring back, as text of exact numbers."""
    content = [model.state_dict(), optimizer.state_dict(), random.get_state()]
    content += [schedule.state_dict()] if schedule else []
    with np.printoptions(floatmode="unique", threshold=10**6):
        return repr(content)


# ---- going on ----
METHODS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
}
SCHEDULES = {
    "none": lambda o: None,
    "step": lambda o: optim.StepLR(o, step_size=3, gamma=0.5),
    "cosine": lambda o: optim.CosineAnnealingLR(o, T_max=20),
    "plateau": lambda o: optim.ReduceLROnPlateau(o, patience=0, threshold=0.01),
    "warm-up": lambda o: optim.LinearWarmup(o, 4, after=optim.StepLR(o, 2)),
}


def train(model, optimizer, schedule, epochs, start=0, more=()):
    x, y = data()
    steps = [Schedule(schedule, monitor="loss")] if schedule else []
    return fit(
        model,
        x,
        y,
        optimizer=optimizer,
        epochs=epochs,
        initial_epoch=start,
        batch_size=8,
        callbacks=[*more, *steps],
        verbose=False,
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", SCHEDULES)
def test_going_on_is_not_having_stopped(method, kind, tmp_path):
    def fresh(seed):
        minidl.manual_seed(seed)
        model = net()
        optimizer = METHODS[method](model.parameters())
        return model, optimizer, SCHEDULES[kind](optimizer)

    path = tmp_path / "run"
    through = fresh(1)
    whole = train(*through, 8)
    wanted = everything(*through)

    first = fresh(1)
    train(*first, 5, more=[Checkpoint(path, schedule=first[2])])  # listed first, and yet saved last
    second = fresh(999)
    rest = load_checkpoint(path, model=second[0], optimizer=second[1], schedule=second[2])
    assert everything(*second) == everything(*first)
    train(*second, 8, rest["epoch"], more=[Checkpoint(path, schedule=second[2], history=rest["history"])])
    assert everything(*second) == wanted

    last = load_checkpoint(path, model=net())
    assert last["epoch"] == 8
    assert last["history"].history == whole.history and last["history"].epoch == list(range(8))


SCRIPT = """
import sys
import numpy as np
import minidl
from minidl import Tensor, nn, optim, random
from minidl.losses import cross_entropy
from minidl.train import load_checkpoint, save_checkpoint

start, stop, before, after = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
minidl.manual_seed(3 if before == "-" else 12345)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 3))
optimizer = optim.Adam(model.parameters(), lr=0.01)
rng = np.random.default_rng(0)
x, y = rng.normal(size=(30, 4)).astype(np.float32), rng.integers(0, 3, size=30)
if before != "-":
    assert load_checkpoint(before, model=model, optimizer=optimizer)["step"] == start
for step in range(start, stop):
    rows = random.generator().permutation(30)[:8]
    optimizer.zero_grad()
    cross_entropy(model(Tensor(x[rows])), y[rows]).backward()
    optimizer.step()
save_checkpoint(after, model=model, optimizer=optimizer, step=stop)
"""


def run(*arguments):
    command = [sys.executable, "-W", "error", "-c", SCRIPT, *map(str, arguments)]
    subprocess.run(command, check=True, env=ENVIRONMENT, cwd=ROOT)


def digest(path):
    """SHA-256 of every array and number in the file (that it is right is tested above)."""
    return io.read("test", path)[1][io.DIGEST]


def test_ten_steps_and_ten_in_two_processes_are_twenty_in_one(tmp_path):
    run(0, 20, "-", tmp_path / "one")
    run(0, 10, "-", tmp_path / "half")
    run(10, 20, tmp_path / "half", tmp_path / "two")
    one, two, half = (digest(tmp_path / name) for name in ("one", "two", "half"))
    assert one == two != half


def test_a_checkpoint_of_the_model_alone_and_of_counts(tmp_path):
    model = net()
    save_checkpoint(tmp_path / "a", model=model, epoch=3, step=41)
    assert load_checkpoint(tmp_path / "a", model=model) == {"epoch": 3, "step": 41, "history": None}


def test_what_is_not_asked_for_is_left_alone(tmp_path):
    model = net()
    save_checkpoint(tmp_path / "a", model=model, optimizer=optim.Adam(model.parameters()))
    load_checkpoint(tmp_path / "a", model=model)


def test_history_comes_back_with_every_digit(tmp_path):
    history = History()
    history.append(0, {"loss": 0.1 + 0.2, "val_loss": float("nan")})
    history.append(4, {"loss": 1e-310, "val_loss": float("inf")})
    save_checkpoint(tmp_path / "a", model=net(), history=history)
    back = load_checkpoint(tmp_path / "a", model=net())["history"]
    assert repr(back.history) == repr(history.history) and back.epoch == [0, 4]


# ---- damage ----
def small(path):
    model = nn.Linear(2, 1)
    optimizer = optim.Adam(model.parameters())
    optimizer.zero_grad()
    (model(minidl.Tensor([[1.0, 2.0]])) ** 2).sum().backward()
    optimizer.step()
    save_checkpoint(path, model=model, optimizer=optimizer, epoch=3)
    return model, optimizer


def test_every_flipped_bit_is_noticed_and_changes_nothing(tmp_path):
    model, optimizer = small(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    before = everything(model, optimizer)
    places = range(len(content))
    if KILLS <= 25:
        digest_at = content.index(io.DIGEST.encode())
        places = [*stdlib_random.Random(1).sample(places, 80), *range(digest_at, digest_at + len(io.DIGEST))]
    for i, bit in itertools.product(places, range(8)):
        (tmp_path / "b").write_bytes(content[:i] + bytes([content[i] ^ 1 << bit]) + content[i + 1 :])
        with pytest.raises(ValueError, match="load_checkpoint: .*b' "):
            load_checkpoint(tmp_path / "b", model=model, optimizer=optimizer)
    assert everything(model, optimizer) == before


def test_every_truncation_is_noticed(tmp_path):
    model, optimizer = small(tmp_path / "a")
    for n in reversed(range((tmp_path / "a").stat().st_size)):
        os.truncate(tmp_path / "a", n)
        with pytest.raises(ValueError, match="load_checkpoint: .*a' is not a sound"):
            load_checkpoint(tmp_path / "a", model=model, optimizer=optimizer)


# ---- what does not fit ----
def resaved(path, change):
    """The file with changed contents and a digest that is right: made by somebody who means it."""
    arrays, metadata = io.read("test", path)
    content = json.loads(metadata[KEY])
    change(content, arrays)
    io.write("test", path, arrays, {KEY: json.dumps(content)})


def put(*keys, value):
    def change(content, arrays):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


def drop(name):
    return lambda content, arrays: arrays.pop(name)


def replaced(name, array):
    return lambda content, arrays: arrays.update({name: array})


FORGED = {
    "no epoch": lambda content, arrays: content.pop("epoch"),
    "epoch": put("epoch", value=-1),
    "epoch of words": put("epoch", value="three"),
    "step": put("step", value=1.5),
    "no generator": lambda content, arrays: content.pop("random"),
    "generator": put("random", value={"dict": [["bit_generator", "MT19937"]]}),
    "generator of words": put("random", value="seven"),
    "generator overflows": put(
        "random",
        value={
            "dict": [
                ["bit_generator", "PCG64"],
                ["state", {"dict": [["state", 2**200], ["inc", 1]]}],
                ["has_uint32", 0],
                ["uinteger", 0],
            ]
        },
    ),
    "history": put("history", value=[1, 2]),
    "history of words": put("history", value={"dict": [["epoch", {"list": ["a"]}], ["history", {"dict": []}]]}),
    "history backwards": put("history", value={"dict": [["epoch", {"list": [3, 2]}], ["history", {"dict": []}]]}),
    "history too short": put(
        "history",
        value={"dict": [["epoch", {"list": [0, 1]}], ["history", {"dict": [["loss", {"list": [1.0]}]]}]]},
    ),
    "model": put("model", value=3),
    "model of words": put("model", value={"dict": [["weight", "x"], ["bias", "y"]]}),
    "no model": lambda content, arrays: content.pop("model"),
    "optimizer": put("optimizer", value={"list": []}),
    "optimizer without groups": put("optimizer", value={"dict": [["state", {"list": []}]]}),
    "optimizer with strange groups": put(
        "optimizer", value={"dict": [["state", {"list": []}], ["param_groups", {"list": [3]}]]}
    ),
    "unknown tag": put("optimizer", value={"set": [1]}),
    "two tags": put("optimizer", value={"list": [], "dict": []}),
    "no such array": put("model", value={"dict": [["weight", {"array": "nowhere"}], ["bias", {"array": "nowhere"}]]}),
    "array missing": drop("optimizer.state.0.m"),
    "weight missing": drop("model.weight"),
    "weight of another shape": replaced("model.weight", np.zeros((3, 3), np.float32)),
    "weight of another type": replaced("model.weight", np.zeros((1, 2))),
    "moment of another shape": replaced("optimizer.state.1.v", np.zeros(7, np.float32)),
    "moment of integers": replaced("optimizer.state.1.v", np.zeros(1, np.int64)),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_checkpoint_changes_nothing(name, tmp_path):
    path = tmp_path / "forged"
    model, optimizer = small(path)
    resaved(path, FORGED[name])
    model.bias.data = [7.0]
    random.generator().random()
    before = everything(model, optimizer)
    with pytest.raises(ValueError, match="load_checkpoint: .*forged' does not fit"):
        load_checkpoint(path, model=model, optimizer=optimizer)
    assert everything(model, optimizer) == before


def test_deep_json_in_the_metadata(tmp_path):
    io.write("test", tmp_path / "deep", {}, {KEY: '{"model":' + "[" * 100_000 + "]" * 100_000 + "}"})
    nested = 3
    for _ in range(5000):
        nested = {"list": [nested]}
    text = "3"
    for _ in range(5000):
        text = '{"list": [' + text + "]}"
    io.write("test", tmp_path / "deeper", {}, {KEY: '{"model": ' + text + "}"})
    for name in ("deep", "deeper"):
        with pytest.raises(ValueError, match=f"load_checkpoint: .*{name}' does not fit"):
            load_checkpoint(tmp_path / name, model=net())


def test_checkpoints_of_other_models_and_optimizers_change_nothing(tmp_path):
    path = tmp_path / "other"
    model = nn.Linear(4, 3)
    optimizer = optim.Adam(model.parameters())
    schedule = optim.StepLR(optimizer, 1)
    other, third = nn.Linear(4, 2), nn.Linear(4, 3)
    wide = nn.Linear(4, 3).to("float64")
    sgd = optim.SGD(third.parameters(), lr=0.1, momentum=0.9)
    plain = optim.Adam(third.parameters())
    cases = [
        ({"model": other}, {"model": model}, "weight must have shape"),
        ({"model": net()}, {"model": model}, "missing keys"),
        ({"model": wide}, {"model": model}, "weight has dtype float64 there and float32 in the model"),
        ({"model": third}, {"model": model, "optimizer": optimizer}, "it was saved without optimizer="),
        ({"model": third, "optimizer": sgd}, {"model": model, "optimizer": optimizer}, "Adam"),
        (
            {"model": third, "optimizer": plain},
            {"model": model, "optimizer": optimizer, "schedule": schedule},
            "it was saved without schedule=",
        ),
        (
            {"model": third, "optimizer": plain, "schedule": optim.ReduceLROnPlateau(plain)},
            {"model": model, "optimizer": optimizer, "schedule": schedule},
            "StepLR",
        ),
    ]
    for saved, loaded, message in cases:
        save_checkpoint(path, **saved)
        random.generator().random()
        before = everything(model, optimizer, schedule)
        with pytest.raises(ValueError, match=f"load_checkpoint: .*other' does not fit: .*{message}"):
            load_checkpoint(path, **loaded)
        assert everything(model, optimizer, schedule) == before


def test_plain_weights_are_no_checkpoint(tmp_path):
    io.save(net().state_dict(), tmp_path / "w")
    with pytest.raises(ValueError, match="it is not a checkpoint; minidl.load reads plain weights"):
        load_checkpoint(tmp_path / "w", model=net())


class Strange:
    def __init__(self, state):
        self.state = state

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        pass


BAD = {
    "model": ({"model": None}, TypeError, "model must be a Module, got NoneType"),
    "optimizer": ({"optimizer": 0.1}, TypeError, r"optimizer must have a state_dict\(\), got float"),
    "schedule": ({"schedule": "cosine"}, TypeError, r"schedule must have a state_dict\(\), got str"),
    "epoch": ({"epoch": -1}, ValueError, "epoch must be >= 0, got -1"),
    "step": ({"step": 2.5}, TypeError, "step must be an integer, got 2.5"),
    "history": ({"history": {"loss": []}}, TypeError, "history must be a History, got dict"),
    "state of objects": ({"optimizer": Strange({"f": print})}, TypeError, "optimizer.f must be made of numbers"),
    "state with odd keys": ({"optimizer": Strange({(1, 2): 3})}, TypeError, "optimizer must be made of numbers"),
    "two of one name": (
        {"optimizer": Strange({"a.b": np.zeros(1), "a": {"b": np.zeros(1)}})},
        ValueError,
        "two arrays would be called 'optimizer.a.b'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_keep_the_old_file(name, tmp_path):
    options, kind, message = BAD[name]
    model = net()
    save_checkpoint(tmp_path / "a", model=model, epoch=7)
    with pytest.raises(kind, match=f"save_checkpoint: {message}"):
        save_checkpoint(tmp_path / "a", **{"model": model, **options})
    assert load_checkpoint(tmp_path / "a", model=model)["epoch"] == 7
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["model", "optimizer", "schedule"])
def test_bad_arguments_of_load(name, tmp_path):
    options, kind, message = BAD[name]
    save_checkpoint(tmp_path / "a", model=net())
    with pytest.raises(kind, match=f"load_checkpoint: {message}"):
        load_checkpoint(tmp_path / "a", **{"model": net(), **options})


def test_every_kind_of_state_comes_back(tmp_path):
    class Keeper(Strange):
        def load_state_dict(self, state):
            self.state = state

    saved = Keeper({0: (1, 2.5, None), "a": [True, "text", {"b": np.arange(3)}], "n": np.float32(0.1), "empty": {}})
    save_checkpoint(tmp_path / "a", model=net(), optimizer=saved)
    loaded = Keeper({})
    load_checkpoint(tmp_path / "a", model=net(), optimizer=loaded)
    assert loaded.state[0] == (1, 2.5, None) and type(loaded.state[0]) is tuple
    assert loaded.state["a"][:2] == [True, "text"] and loaded.state["a"][2]["b"].tolist() == [0, 1, 2]
    assert loaded.state["n"] == np.float32(0.1) and loaded.state["empty"] == {}


# ---- killed while writing ----
WRITER = """
import os
import sys
import numpy as np
from minidl import nn
from minidl.train import save_checkpoint

def write():
    model = nn.Linear(300, 300)
    print(os.getpid(), flush=True)
    for number in range(1, 10**6):
        model.weight.data = np.full((300, 300), number, np.float32)
        model.bias.data = np.full(300, number, np.float32)
        save_checkpoint(sys.argv[1], model=model, step=number)
        print(number, flush=True)

for line in sys.stdin:  # another child for each line: a fork is quicker than an import
    child = os.fork()
    if child == 0:
        write()
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork and kill -9 are POSIX")
def test_killed_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path):
    """The writer says a number when its file is written: the file then holds that number or the next."""
    path = tmp_path / "run"
    model = nn.Linear(300, 300)
    chance = stdlib_random.Random()
    died_writing = 0
    command = [sys.executable, "-c", WRITER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, env=ENVIRONMENT, cwd=ROOT) as parent:
        for number in itertools.count(1):
            parent.stdin.write("go\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            said = [int(parent.stdout.readline())]
            time.sleep(chance.uniform(0, 0.03))
            os.kill(child, signal.SIGKILL)
            said += map(int, itertools.takewhile(str.isdigit, map(str.strip, parent.stdout)))
            step = load_checkpoint(path, model=model)["step"]
            assert step in (said[-1], said[-1] + 1)
            assert (model.weight.numpy() == step).all() and (model.bias.numpy() == step).all()
            left = [name for name in os.listdir(tmp_path) if name != "run"]
            assert all(name.startswith(".minidl-") and name.endswith(".tmp") for name in left)
            died_writing += len(left)
            for name in left:
                os.unlink(tmp_path / name)
            if number >= KILLS and died_writing:
                break
            assert number < 40 * KILLS  # on a quick disk few moments are moments of writing, but not none
        parent.stdin.close()
