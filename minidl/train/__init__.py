r"""Training: `fit`, `evaluate`, `predict`, their metrics and callbacks, and checkpoints.

| file | what |
|---|---|
| `fit.py` | the loop, and the bare loop beside it |
| `evaluate.py` | loss and metrics over rows; predictions |
| `metrics.py` | accuracy, top-k, confusion matrix, precision, recall, F1, ROC AUC |
| `callback.py`, `callbacks.py` | what happens between epochs: stopping early, saving, logging, schedules |
| `checkpoint.py` | all of a run in one file |
| `class_weight.py` | weights for rare classes |
| `history.py` | the numbers of every epoch |
"""

from minidl.history import History
from minidl.train.callback import Callback
from minidl.train.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, Schedule
from minidl.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from minidl.train.class_weight import compute_class_weight
from minidl.train.evaluate import evaluate, predict
from minidl.train.fit import fit
from minidl.train.metrics import (
    METRICS,
    accuracy,
    confusion_matrix,
    f1,
    precision,
    recall,
    roc_auc,
    top_k_accuracy,
)

__all__ = [
    "METRICS",
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "ModelCheckpoint",
    "Schedule",
    "accuracy",
    "compute_class_weight",
    "confusion_matrix",
    "evaluate",
    "f1",
    "fit",
    "load_checkpoint",
    "precision",
    "predict",
    "recall",
    "roc_auc",
    "save_checkpoint",
    "top_k_accuracy",
]
