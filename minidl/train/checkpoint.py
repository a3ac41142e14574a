r"""Checkpoints: everything that a training run is, in one file, so that it can go on as if it had never stopped.

What the next step depends on: the weights and running means, what the optimiser remembers (moments, step numbers), the
schedule, and the state of the random generator (dropout, shuffles). With all of these put back, 10 + 10 steps in two
processes are the 20 steps of one, bit for bit. Not in it: what callbacks remember (the patience of an EarlyStopping
starts afresh), and the data.

The file is a safetensors file as `minidl.save` writes it, whole or not at all and with a digest; its arrays are named
"model.0.weight", "optimizer....", and all that is not an array stands in the metadata as JSON. Nothing is pickled.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import check, io, random
from minidl.backend import is_array
from minidl.history import History
from minidl.nn.module import Module
from minidl.tensor import Tensor
from minidl.train.callback import Callback

KEY = "minidl.checkpoint"
LOAD = "load_checkpoint"


def save_checkpoint(
    path: str | os.PathLike,
    *,
    model: Module,
    optimizer: Any = None,
    schedule: Any = None,
    epoch: int = 0,
    step: int = 0,
    history: History | None = None,
) -> None:
    r"""Write the state of model, optimizer, schedule and random generator, and the three others as they are.

    epoch: how many are done, which is the `initial_epoch` to go on with. step: the same, for a loop that counts steps.
    A process killed while it writes leaves the file that was there before. Raises ValueError or TypeError for
    arguments that do not fit and OSError where the disk refuses.

    >>> import tempfile
    >>> from minidl import nn, optim
    >>> model = nn.Linear(2, 1)
    >>> optimizer = optim.Adam(model.parameters())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/run.safetensors"
    ...     save_checkpoint(path, model=model, optimizer=optimizer, epoch=3)
    ...     load_checkpoint(path, model=model, optimizer=optimizer)
    {'epoch': 3, 'step': 0, 'history': None}
    """
    who = "save_checkpoint"
    if history is not None and not isinstance(history, History):
        raise check.DTypeError(f"{who}: history must be a History, got {type(history).__name__}")
    content = {
        **{name: part.state_dict() for name, part in _parts(who, model, optimizer, schedule).items()},
        "random": random.get_state(),
        "epoch": check.integer(who, "epoch", epoch, low=0),
        "step": check.integer(who, "step", step, low=0),
        "history": None if history is None else {"epoch": history.epoch, "history": history.history},
    }
    arrays: dict[str, Any] = {}
    packed = {name: _pack(who, value, name, arrays) for name, value in content.items()}
    io.write(who, path, arrays, {KEY: json.dumps(packed)})


def load_checkpoint(
    path: str | os.PathLike, *, model: Module, optimizer: Any = None, schedule: Any = None
) -> dict[str, Any]:
    r"""Put a checkpoint back into model, optimizer, schedule and random generator; returns its "epoch", "step" and
    "history".

    All of it is checked first: if anything does not fit, nothing has changed. What the file has and you do not ask for
    (an optimizer, when only the model is wanted) is left alone. Raises ValueError, naming the file and what is wrong,
    where it is damaged, is no checkpoint, or was made from another model, optimizer or schedule.

    >>> import tempfile
    >>> from minidl import nn
    >>> old, new = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(f"{folder}/run.safetensors", model=old, step=7)
    ...     load_checkpoint(f"{folder}/run.safetensors", model=new)["step"]
    7
    >>> bool((new.weight.numpy() == old.weight.numpy()).all())
    True
    """
    parts = _parts(LOAD, model, optimizer, schedule)
    arrays, metadata = io.read(LOAD, path)
    try:
        if KEY not in metadata or io.DIGEST not in metadata:
            raise ValueError("it is not a checkpoint; minidl.load reads plain weights")
        content = {name: _unpack(value, arrays) for name, value in _json(metadata[KEY]).items()}
        rest, generator = _checked(content, parts)
        _assign(parts, content)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{LOAD}: {os.fspath(path)!r} does not fit: {error}") from error
    random.set_state(generator)
    return rest


class Checkpoint(Callback):
    r"""Save a checkpoint after every epoch of `fit`, after all other callbacks.

    schedule: the one of a `Schedule` callback, to be saved too. history: what `load_checkpoint` returned, for a run
    that goes on; its epochs then come before the new ones in the file.

        path = "run.safetensors"
        start = load_checkpoint(path, model=model, optimizer=optimizer) if os.path.exists(path) else {}
        checkpoint = Checkpoint(path, history=start.get("history"))
        fit(model, x, y, optimizer=optimizer, epochs=20, initial_epoch=start.get("epoch", 0), callbacks=[checkpoint])

    >>> import tempfile
    >>> from minidl import fit, nn
    >>> model = nn.Linear(1, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/run.safetensors"
    ...     history = fit(model, [[0.0], [1.0]], [0, 1], epochs=3, callbacks=[Checkpoint(path)], verbose=False)
    ...     load_checkpoint(path, model=model)["epoch"]
    3
    """

    def __init__(self, path: str | os.PathLike, *, schedule: Any = None, history: History | None = None):
        self.path, self.schedule, self.earlier = io.path_of("Checkpoint", path), schedule, history

    def on_train_begin(self) -> None:
        io.need_folder("Checkpoint", self.path)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        history = History()
        for part in filter(None, (self.earlier, self.history)):
            for i, number in enumerate(part.epoch):
                history.append(number, {name: values[i] for name, values in part.history.items()})
        save_checkpoint(
            self.path,
            model=self.model,
            optimizer=self.optimizer,
            schedule=self.schedule,
            epoch=epoch + 1,
            history=history,
        )


def _parts(who: str, model: Any, optimizer: Any, schedule: Any) -> dict[str, Any]:
    """What is saved and loaded through state_dict and load_state_dict, by name."""
    if not isinstance(model, Module):
        raise check.DTypeError(f"{who}: model must be a Module, got {type(model).__name__}")
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    for name, part in parts.items():
        if part is not None and not (hasattr(part, "state_dict") and hasattr(part, "load_state_dict")):
            raise check.DTypeError(f"{who}: {name} must have a state_dict(), got {type(part).__name__}")
    return {name: part for name, part in parts.items() if part is not None}


def _checked(content: dict, parts: dict[str, Any]) -> tuple[dict[str, Any], dict]:
    """The rest of a checkpoint and the generator's state, after everything has been looked at."""
    for name, part in parts.items():
        if name not in content:
            raise ValueError(f"it was saved without {name}=")
        if name == "model":
            for key, value in part.state_dict().items():
                saved = content[name].get(key)
                if saved is not None and saved.dtype != value.dtype:
                    raise check.DTypeError(f"{key} has dtype {saved.dtype} there and {value.dtype} in the model")
    history = None
    if content["history"] is not None:
        history = History()
        columns = content["history"]["history"]
        for i, epoch in enumerate(content["history"]["epoch"]):
            history.append(epoch, {name: values[i] for name, values in columns.items()})
    trial = np.random.PCG64()
    trial.state = content["random"]
    rest = {name: check.integer(LOAD, name, content[name], low=0) for name in ("epoch", "step")}
    return rest | {"history": history}, trial.state


def _assign(parts: dict[str, Any], content: dict) -> None:
    """Load every part, or none: where one refuses, all get back what they had."""
    before = {name: part.state_dict() for name, part in parts.items()}
    try:
        for name, part in parts.items():
            part.load_state_dict(content[name])
    except BaseException:
        for name, part in parts.items():
            part.load_state_dict(before[name])
        raise


def _pack(who: str, value: Any, path: str, arrays: dict[str, Any]) -> Any:
    """`value` as JSON: dicts, lists and tuples tagged with what they are, arrays named and put into `arrays`."""
    if isinstance(value, Tensor) or is_array(value):
        if path in arrays:
            raise ValueError(f"{who}: two arrays would be called {path!r}")
        arrays[path] = value
        return {"array": path}
    if isinstance(value, dict) and all(type(key) in (str, int) for key in value):
        return {"dict": [[key, _pack(who, item, f"{path}.{key}", arrays)] for key, item in value.items()]}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_pack(who, item, f"{path}.{i}", arrays) for i, item in enumerate(value)]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise check.DTypeError(f"{who}: {path} must be made of numbers, strings and arrays, got {type(value).__name__}")


# tag -> what becomes of what it tags, with a function that unpacks a part
TAGS: dict[str, Callable] = {
    "dict": lambda items, part: {key: part(item) for key, item in items},
    "list": lambda items, part: [part(item) for item in items],
    "tuple": lambda items, part: tuple(part(item) for item in items),
}


def _unpack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    ((tag, inside),) = value.items()
    return arrays[inside] if tag == "array" else TAGS[tag](inside, lambda item: _unpack(item, arrays))


def _json(text: str) -> dict:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("its metadata are no dict")
    return content
