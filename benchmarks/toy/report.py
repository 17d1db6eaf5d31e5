"""Write the tables of README.md from the results of the runs.

    python benchmarks/toy/report.py [--folder out/toy]

A table stands between `<!-- results:NAME -->` and `<!-- /results -->`; one whose part has not been
run stays as it is.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FIGURES = ("accuracy", "reward", "kl", "malformed")


def main() -> None:
    """Renew README.md, and copy the pictures beside it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("out/toy"))
    folder = parser.parse_args().folder / "frozen"
    page = HERE / "README.md"
    text = page.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        made = results(folder, name)
        if made is not None:
            block = rf"(<!-- results:{name} -->\n).*?(<!-- /results -->)"
            written = table(made)
            text = re.sub(
                block, lambda found, new=written: found[1] + new + found[2], text, flags=re.DOTALL
            )
    page.write_text(text, encoding="utf-8")
    for picture in (folder / "frontier").glob("*.svg"):
        shutil.copy(picture, HERE / picture.name)


def results(folder: Path, part: str) -> dict[str, Any] | None:
    """Return what a part of the runs left, None where it has not been run to its end."""
    for name in (f"results-{part}.json", "results.json"):
        if (folder / name).exists():
            found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
            if part in found:
                return found
    return None


def frontier(made: dict[str, Any]) -> str:
    """Return reward and KL by loss and beta, as means over seeds."""
    start, *runs = made["frontier"]
    betas = sorted({run["labels"]["beta"] for run in runs})
    lines = [f"| loss | {' | '.join(f'β {beta:g}' for beta in betas)} |"]
    lines.append(f"|---|{'---|' * len(betas)}")
    for loss in ("dpo", "ipo", "kto"):
        cells = []
        for beta in betas:
            same = [
                run["figures"]
                for run in runs
                if run["labels"]["loss"] == loss and run["labels"]["beta"] == beta
            ]
            reward, kl = (sum(one[n] for one in same) / len(same) for n in ("reward", "kl"))
            cells.append(f"{reward:.2f} / {kl:.2f}")
        lines.append(f"| {loss} | {' | '.join(cells)} |")
    seeds = len({run["labels"]["seed"] for run in runs})
    return (
        f"Reward / KL in nats, means of {seeds} seeds; the policy before is at "
        f"{start['figures']['reward']:.2f} / 0.\n\n"
        + "\n".join(lines)
        + "\n\n![Reward against KL](frontier.svg)\n\n![Reward against beta](beta.svg)\n"
    )


def curation(made: dict[str, Any]) -> str:
    """Return every arm's figures with their intervals, and what may be concluded."""
    found = made["curation"]
    seeds = list(found["rows"])
    head = ["arm", "rows", "wrong labels", *FIGURES]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for arm, by in found["arms"].items():
        rows = round(sum(found["rows"][seed][arm] for seed in seeds) / len(seeds))
        wrong = [found["wrong"][seed].get("raw" if arm == "random" else arm) for seed in seeds]
        share = f"{sum(wrong) / len(wrong):.0%}"
        cells = [_interval(by[name]) for name in FIGURES]
        lines.append(f"| {arm} | {rows:,} | {share} | {' | '.join(cells)} |")
    told = [s for s in found["sentences"] if s.startswith(("accuracy,", "reward,"))]
    return (
        f"Means over {len(seeds)} seeds with intervals of 95 %.\n\n"
        + "\n".join(lines)
        + "\n\n"
        + "".join(f"- {sentence}\n" for sentence in told)
    )


def _interval(one: dict[str, float]) -> str:
    half = (one["high"] - one["low"]) / 2
    return f"{one['value']:.3f} ± {half:.3f}"


def seconds(made: dict[str, Any]) -> str:
    """Return how long each part took, by how many workers on which processor."""
    took = made["seconds"]
    parts = ", ".join(f"{part} {one} s" for part, one in took.items())
    began = (
        f"{sum(took.values()) / 60:.1f} minutes in all"
        if made["anew"]
        else "of a call that went on where another had ended, whose time is not in them"
    )
    workers = made["workers"]
    return (
        f"Wall time with {workers} worker{'s' * (workers != 1)} of one thread each on "
        f"{made['processor']}: {parts}; {began}.\n"
    )


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "frontier": frontier,
    "curation": curation,
    "seconds": seconds,
}
"""The tables by their names in README.md."""

if __name__ == "__main__":
    main()
