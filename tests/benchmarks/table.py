r"""The table as text: a line for each row, and the means below.

minidl   milliseconds of a pass: median, p10 and p90 (with images: as the user hands them over, channels first)
torch    its median, the ratio of the medians, its 95 % interval, the ratio of the p10s; ! is above the goal
best     our best line against the best of torch's lines, which is named; * means that ours are channels-last images
others   how many times longer NumPy's plain formulas and other frameworks take
peak     share of the matrix kernel's own peak, for rows that are mostly such products
error    the largest of ours against torch (or NumPy), relative to the largest number in the array
"""

from tests.benchmarks.harness import geometric_mean

HEADER = (
    f"{'':34}{'minidl':>9}{'p10':>9}{'p90':>9} |{'torch':>9}{'ratio':>7}{'95 %':>13}{'p10':>6}{'goal':>6}  | "
    f"{'best':>5} {'of torch':20} | {'peak':>5} {'error':>7} | others"
)


def line(found: dict, peak: float | None) -> str:
    if not found["measurable"]:
        return f"{found['name']:34}not measurable: too few turns without others"
    times, ratios = found["times"], found["ratios"]
    ours = times["minidl"]
    text = f"{found['name']:34}" + "".join(f"{ours[p] * 1e3:9.4g}" for p in ("median", "p10", "p90")) + " |"
    if "torch" in ratios:
        r = ratios["torch"]
        interval, mark = f"{r['low']:.2f}..{r['high']:.2f}", "!" if r["ratio"] > found["goal"] else " "
        text += f"{times['torch']['median'] * 1e3:9.4g}{r['ratio']:7.3f}"
        text += f"{interval:>13}{r['p10']:6.2f}{found['goal']:6.2f} {mark}"
    else:
        text += " " * 43
    best = best_torch(found)
    text += f"| {best[0]:5.2f}{'*' if found['best'] != 'minidl' else ' '}{best[1]:20} | " if best else f"| {'':26} | "
    share = (
        f"{found['flops'] / min(times[name]['median'] for name in mine(times)) / peak:5.0%}"
        if peak and found["flops"]
        else ""
    )
    errors = [e for name, e in found["errors"].items() if name.startswith("minidl")]
    text += f"{share:>5} {f'{max(errors):.0e}' if errors else '':>7} | "
    return text + ", ".join(f"{name} {1 / ratios[name]['ratio']:.1f}x" for name in others(ratios))


def mine(names) -> list[str]:
    return [name for name in names if name.startswith("minidl")]


def others(names) -> list[str]:
    return [name for name in names if not name.startswith(("minidl", "torch"))]


def best_torch(found: dict) -> tuple[float, str] | None:
    """(Our best line's ratio to the fastest of torch's lines, its name)."""
    lines = {name: r["ratio"] for name, r in found["best ratios"].items() if name.startswith("torch")}
    if not lines:
        return None
    name = max(lines, key=lines.get)
    return lines[name], name.removeprefix("torch").strip() or "default"


def means(rows: list[dict]) -> list[dict]:
    """Geometric means over the table: against torch, against the best of torch, against every other side."""
    rows = [row for row in rows if row["measurable"]]
    table = [row for row in rows if row["kind"] != "extra"]
    kinds = {
        "all rows": table,
        "without the small ones": [row for row in table if row["kind"] != "small"],
        "the small ones": [row for row in table if row["kind"] == "small"],
    }
    found = []

    def add(of, against, ratios):
        if ratios:
            worst = max(ratios, key=ratios.get)
            entry = {"of": of, "against": against, "rows": len(ratios), "mean": geometric_mean(list(ratios.values()))}
            found.append(entry | {"worst": ratios[worst], "worst row": worst})

    for of, chosen in kinds.items():
        add(of, "torch", {row["name"]: row["ratios"]["torch"]["ratio"] for row in chosen if "torch" in row["ratios"]})
        add(of, "best torch", {row["name"]: best[0] for row in chosen if (best := best_torch(row))})
    for name in sorted({name for row in rows for name in others(row["ratios"])}):
        add("shared rows", name, {row["name"]: row["ratios"][name]["ratio"] for row in rows if name in row["ratios"]})
    return found


def above(rows: list[dict]) -> list[str]:
    """The rows of the table whose ratio to torch is above their goal."""
    return [
        row["name"]
        for row in rows
        if row["measurable"] and row["kind"] != "extra" and "torch" in row["ratios"]
        if row["ratios"]["torch"]["ratio"] > row["goal"]
    ]


def print_means(rows: list[dict]) -> list[dict]:
    found = means(rows)
    if not found:
        return found
    print("\ngeometric means of the ratios (minidl's time / theirs)")
    for mean in found:
        inverse = f" ({1 / mean['mean']:.1f} times faster, {1 / mean['worst']:.1f} at least)"
        print(
            f"  {mean['against']:12} {mean['of']:24} {mean['mean']:.3f} over {mean['rows']:2} rows, "
            f"worst {mean['worst']:.2f} in {mean['worst row']}{inverse if mean['of'] == 'shared rows' else ''}"
        )
    if any(mean["against"] == "torch" for mean in found):
        print(f"  above their goal: {'; '.join(above(rows)) or 'none'}")
    return found
