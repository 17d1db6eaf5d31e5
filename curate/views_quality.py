"""How trials, shortcuts and balancing look in a terminal, and as JSON for scripts.

Apart from `views`, because a trial is to answer within a second: nothing here, or in what it
imports, loads the pipeline or numba.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.table import Table

from curate.console import out
from curate.shortcuts import Shortcut, kept_weights, worth
from curate.whatif import Trial
from schemas.layout import Folder


def show_trial(found: Trial, *, as_json: bool = False) -> None:
    """Show how many records each threshold of a range would keep."""
    rows = list(zip(found.rules, found.kept, strict=True))
    if as_json:
        print_json(
            {
                "now": found.now,
                "candidates": found.candidates,
                "tried": [{"rule": str(rule), "kept": kept} for rule, kept in rows],
            }
        )
        return
    console = out()
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("kept where", header_style="bold")
    for name in ("records", "share", "against now"):
        table.add_column(name, justify="right", header_style="bold")
    for rule, kept in rows:
        share = f"{kept / max(found.candidates, 1):.1%}"
        table.add_row(str(rule), f"{kept:,}", share, f"{kept - found.now:+,}")
    console.print(table)
    console.print(
        f"of {found.candidates:,} records that are kept ({found.now:,}) or fail no other rule; "
        "nothing was written",
        style="dim",
    )


def show_shortcuts(found: list[Shortcut], *, as_json: bool = False) -> None:
    """Show how well each signal alone tells the label, the strongest first."""
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = _shortcut_table("signal", "AUC", "95 %", "pairs", "ties")
    for one in found:
        interval = f"{one.low:.3f} to {one.high:.3f}"
        table.add_row(one.name, f"{one.auc:.3f}", interval, f"{one.pairs:,}", f"{one.ties:,}")
    out().print(table)
    out().print(
        "0.5: says nothing; 1: the higher one is always preferred; 0: the lower", style="dim"
    )


def show_balance(on: str, before: list[Shortcut], after: list[Shortcut]) -> None:
    """Show what balancing did to each shortcut, the one it was for first."""
    base = on.removeprefix("chosen_").removeprefix("rejected_")
    now = {one.name: one for one in after}
    table = _shortcut_table("signal", "AUC before", "AUC after", "pairs before", "pairs after")
    for one in sorted(before, key=lambda one: one.name != base):
        if one.name in now:
            then = now[one.name]
            table.add_row(
                one.name,
                f"{one.auc:.3f}",
                f"{then.auc:.3f}",
                f"{one.pairs:,}",
                f"{then.pairs:,}",
                style="bold" if one.name == base else None,
            )
    out().print(table)


def show_weights(folder: Folder) -> None:
    """Show what weighing did to the records of a folder."""
    weights = kept_weights(folder)
    idle = int((weights == 0).sum())
    console = out()
    console.print(
        f"{len(weights):,} pairs, none left out, weigh {weights.min():.2g} to {weights.max():.2g} "
        f"and are worth {worth(weights):,.0f} of equal weight"
    )
    if idle:
        console.print(
            f"{idle:,} weigh nothing: of pairs with a like difference, all favour the same side"
        )
    console.print("`train METHOD --weighted` draws its rows by them", style="dim")


def _shortcut_table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(first, header_style="bold")
    for name in others:
        table.add_column(name, justify="right", header_style="bold")
    return table


def print_json(value: object) -> None:
    """Print a value as JSON, in ASCII."""
    print(json.dumps(value, indent=2, ensure_ascii=True))
