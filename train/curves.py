"""The course of a run as a picture: loss, accuracy and reward margin over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

TRAIN_COLOUR: Final = "#0072b2"
TEST_COLOUR: Final = "#d55e00"
"""Two colours of Okabe and Ito's palette, told apart by colour-blind eyes too."""


def draw_curves(
    log: Sequence[dict[str, Any]], panels: Mapping[str, str], title: str, folder: Path
) -> tuple[Path, Path]:
    """Write curves.png and curves.svg to `folder` and return their paths.

    `log` is Trainer's `log_history`, `panels` the names in it to show, with their titles. A panel
    whose numbers were never logged stays empty.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # A fixed salt and no date: the same run gives the same SVG.
    with mpl.rc_context({"svg.hashsalt": "pairwright", "font.size": 9}):
        figure = Figure(figsize=(3.4 * len(panels), 3.2), layout="constrained")
        FigureCanvasAgg(figure)
        for axes, (name, label) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            train = _points(log, name)
            test = _points(log, f"eval_{name}")
            axes.plot(*train, color=TRAIN_COLOUR, marker=".", linewidth=1.2, label="train")
            if test[0]:
                axes.plot(*test, color=TEST_COLOUR, marker="o", markersize=4, label="test")
            axes.set_title(label, loc="left")
            axes.set_xlabel("step")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
            if "accurac" in name:
                axes.set_ylim(-0.02, 1.02)
                axes.axhline(0.5, color="#999999", linewidth=0.8, linestyle=":")
        figure.axes[0].legend(frameon=False)
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        png, svg = folder / "curves.png", folder / "curves.svg"
        figure.savefig(png, dpi=150)
        figure.set_layout_engine(None)  # what is laid out stays so: half of the work
        figure.savefig(svg, metadata={"Date": None})
    return png, svg


def _points(log: Sequence[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    rows = [(row["step"], row[name]) for row in log if name in row]
    return [step for step, _ in rows], [value for _, value in rows]
