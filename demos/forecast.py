r"""forecast: from a window of a series to its next value, and then on from its own forecasts

The series of Mackey and Glass (1977, Science 197) was made for the number of white blood cells, which the body
regulates with a delay:

    dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t)

It looks regular, but never repeats itself, and it is chaotic: two courses that start close together drift apart.

1. Scale to [-1, 1], with the range of the *training* part: the test part is the future, its range is not known yet.
   (The tanh and the gates of an LSTM are curved around 0 and flat from 3 on, and its h cannot leave (-1, 1) at all.)
2. Cut into windows of 24 values; the target is the value after each.
3. Train on the first part, test on the last one. Nothing is shuffled across the cut: windows overlap, so a test window
   out of the middle would be known by heart from its neighbours. (`val_loss` is of the test part, and only watched.)
4. Compare with what costs nothing: the last value again, and a linear regression on the same 24 values. Forecasts in a
   picture always look good, since there is not much to get wrong one step ahead; the baselines say what they are worth.
5. Free running: put the forecast at the end of the window, drop its first value, forecast the next, and so on. Errors
   are fed back, and in a chaotic series they grow exponentially (a straight line in the last picture). A better network
   starts lower and gains some steps; nobody gains all of them.

To read first of what it prints (seed 0): `error one step ahead (x itself varies by 0.226): last value 0.1861, linear
regression 0.0661, LSTM 0.0095`.

Source: Mackey and Glass 1977, Science 197.

Picture: Three panels. Above, the series where the test part begins (grey), and the LSTM's forecasts, dots that lie on
it. In the middle, 60 steps from one window: the LSTM (green) follows what comes (dotted) for some 45 steps, the linear
regression (orange) is soon out of step. Below, the error over the steps ahead on a logarithmic scale: the LSTM's rises
along a straight line from 0.01 to that of the regression, 0.18, after 60 steps.

Try it:
1. Put `WINDOW` at 3, with `--quick`: one step ahead the regression's error rises from 0.068 to 0.102, and that of the
   LSTM hardly, from 0.0282 to 0.0288. Thirty steps ahead, free running, they are at 0.207 and 0.156: what the window
   does not hold, neither can know.
2. Train for two epochs, `--quick --epochs 2`: the LSTM's error is 0.0571 one step ahead, little better than the
   regression's 0.0682, and 30 steps ahead it is worse, 0.193 to 0.181. In the first two panels it would look fine.
3. Put `delay=40`, with `--quick`: the series is wilder now (it varies by 0.324), and the LSTM's error one step ahead
   doubles, from 0.028 to 0.062.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import minidl
from demos import common
from minidl import fit, nn, optim, predict
from minidl.train import Schedule

WINDOW, HORIZON = 24, 60


# %% the series, one value every 6 time units
def mackey_glass(n, step=0.1, delay=17, every=6):
    lag, skip = round(delay / step), round(every / step)
    x = np.empty(lag + 1 + (n + 50) * skip)
    x[: lag + 1] = minidl.generator().uniform(0.5, 1.3)
    for t in range(lag, len(x) - 1):  # Euler's method
        x[t + 1] = x[t] + step * (0.2 * x[t - lag] / (1 + x[t - lag] ** 10) - 0.1 * x[t])
    return x[lag + 1 :: skip][50:].astype(np.float32)  # without the first 50, which depend on where it started


# %% windows (N, 24, 1) and the value after each (N, 1)
def windows(series):
    x = np.lib.stride_tricks.sliding_window_view(series, WINDOW + 1)
    return x[:, :WINDOW, None].copy(), x[:, WINDOW:].copy()


# %% three ways to forecast: windows (N, 24, 1) -> (N, 1)
def last_value(x):
    return x[:, -1]


def linear_regression(x_train, y_train):
    def features(x):
        return np.column_stack([x[:, :, 0], np.ones(len(x))])

    weights, *_ = np.linalg.lstsq(features(x_train), y_train, rcond=None)
    return lambda x: (features(x) @ weights).astype(np.float32)


def lstm(train_set, test_set, epochs):
    model = nn.Sequential(nn.LSTM(1, 48), nn.Linear(48, 1))
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    fit(
        model,
        *train_set,
        loss="mse_loss",
        optimizer=optimizer,
        epochs=epochs,
        batch_size=32,
        validation_data=test_set,
        clip_norm=1.0,
        callbacks=[Schedule(optim.CosineAnnealingLR(optimizer, epochs))],
    )
    return lambda x: predict(model, x)


def free_running(forecast, x):
    r"""HORIZON values after each window, (N, HORIZON), every one made of forecasts before it."""
    written = []
    for _ in range(HORIZON):
        y = forecast(x)
        written.append(y)
        x = np.concatenate([x[:, 1:], y[:, None]], axis=1)
    return np.concatenate(written, axis=1)


def rmse(a, b, axis=None):
    return np.sqrt(((a - b) ** 2).mean(axis=axis))


# %%
def draw(series, cut, one_step, truth, courses, errors, spread, path):
    figure, axes = plt.subplots(3, 1, figsize=(12, 11), layout="constrained")
    axes[0].plot(np.arange(cut - 100, cut + 100), series[cut - 100 : cut + 100], "k", lw=1, label="the series")
    axes[0].plot(np.arange(cut + WINDOW, cut + 100), one_step[: 100 - WINDOW], ".", color="tab:green", label="LSTM")
    axes[0].axvspan(cut, cut + 100, color="0.93", label="test part")
    axes[0].set(title="one step ahead, from the 24 values before", xlabel="step", ylabel="x", ylim=(0.1, 1.4))
    steps = np.arange(1, HORIZON + 1)
    axes[1].plot(np.arange(1 - WINDOW, 1), truth[:WINDOW], "k", label="the window")
    axes[1].plot(steps, truth[WINDOW:], "k:", label="what comes")
    for name, course in courses.items():
        axes[1].plot(steps, course, label=name)
    axes[1].set(
        title="free running from one window of the test part", xlabel="steps ahead", ylabel="x", ylim=(0.1, 1.4)
    )
    for name, error in errors.items():
        axes[2].semilogy(steps, error, label=name)
    axes[2].axhline(spread, color="0.5", ls=":", label="the mean")
    axes[2].set(
        title="free running from every fifth window", xlabel="steps ahead", ylabel="root mean square error of x"
    )
    for ax in axes:
        ax.legend(loc="lower right" if ax is axes[2] else "lower left", ncols=2)
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(
        __doc__.splitlines()[0],
        argv,
        epochs={"type": common.positive, "default": 20, "help": "passes over the training windows (default 20)"},
    )
    n, epochs = (1500, min(args.epochs, 8)) if args.quick else (3000, args.epochs)
    series = mackey_glass(n)
    cut = 2 * n // 3
    low, high = series[:cut].min(), series[:cut].max()
    scaled = 2 * (series - low) / (high - low) - 1
    train_set, test_set = windows(scaled[:cut]), windows(scaled[cut:])
    forecasts = {
        "last value": last_value,
        "linear regression": linear_regression(*train_set),
        "LSTM": lstm(train_set, test_set, epochs),
    }

    units = (high - low) / 2  # an error of the scaled series, times this, is one of x
    x, y = test_set
    results = {name: float(units * rmse(forecast(x), y)) for name, forecast in forecasts.items()}

    starts = x[: len(x) - HORIZON + 1 : 5]
    futures = np.lib.stride_tricks.sliding_window_view(y[:, 0], HORIZON)[::5]  # (N, HORIZON)
    courses = {name: free_running(forecast, starts) for name, forecast in forecasts.items()}
    errors = {name: units * rmse(course, futures, axis=0) for name, course in courses.items()}
    truth = low + units * (np.concatenate([starts[0, :, 0], futures[0]]) + 1)
    first = {name: low + units * (course[0] + 1) for name, course in courses.items()}
    spread = float(series[cut:].std())
    one_step = low + units * (forecasts["LSTM"](x)[:, 0] + 1)
    draw(series, cut, one_step, truth, first, errors, spread, args.out / "forecast.png")
    for ahead in (10, 30):
        row = ", ".join(f"{name} {error[ahead - 1]:.4f}" for name, error in errors.items())
        print(f"error {ahead} steps ahead, free running: {row}")
    print(
        f"error one step ahead (x itself varies by {spread:.3f}): "
        + ", ".join(f"{k} {v:.4f}" for k, v in results.items())
    )
    return results | {"free running": errors, "spread": spread}


if __name__ == "__main__":
    main()
