"""Near-duplicates by other tools and by ours, side by side: time, CPU, memory and agreement.

    python benchmarks/peers.py [--texts 20000] [--tool NAME ...] [--folder DIR] [--json]

Each tool is installed by pip into a virtual environment of its own (`FOLDER/peers/NAME`); one that
does not install is named, and left out. All read the same texts (the chosen answers of
`made_pairs`, and the sample of `planted`) from one JSON Lines file and look for a Jaccard
similarity of 0.8 over runs of five words, each as its own documentation has it. `semhash` compares
vectors, by the local model2vec model that `--model` names, or else by one of the texts' own words
(`peer_scripts/semhash_model.py`), by which its recall says little. Axolotl knows exact duplicates.

Recall is the share of the near pairs, by exact Jaccard of all pairs of the planted sample, that are
not left together; precision the share of the taken records that have a near one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import venv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from made_pairs import made
from measured import CommandFailedError, Measured, measured
from pipeline import HERE, curate_command, machine, say
from planted import Agreement, agreement, plant

THRESHOLD = 0.8
PLANTED = 2_000
OURS = "curate dedup"
TOOLS = {
    "datasketch": ("datasketch",),
    "rensa": ("rensa",),
    "datatrove": ("datatrove[io,processing]", "spacy"),
    "text-dedup": ("text-dedup",),
    "data-juicer": ("py-data-juicer", "aiohttp", "torch==2.13.0"),
    "distilabel": ("distilabel[minhash]", "datasketch<1.7", "requests"),
    "semhash": ("semhash",),
    "axolotl": (
        "transformers==5.16.1",
        "trl==1.9.0",
        "datasets==4.8.4",
        "accelerate==1.13.0",
        "peft==0.20.0",
        "pydantic==2.12.5",
        "torch==2.13.0",
        "addict",
        "colorama",
        "fastcore",
        "fire",
        "langdetect",
        "numba",
        "posthog",
        "requests",
        "sentencepiece",
    ),
}
"""What pip installs, by the name of the tool's script in `benchmarks/peer_scripts/`."""

ALONE = {"axolotl": ("axolotl==0.19.0", "axolotl-contribs-lgpl", "axolotl-contribs-mit")}
"""What is then installed without its dependencies: those of training on GPUs take gigabytes."""

DISTRIBUTION = {OURS: "pairwright", "data-juicer": "py-data-juicer"}
"""What a tool is called in the package index, where that is not its name here."""


@dataclass(frozen=True)
class Outcome:
    """What a tool did: how long the many texts took it, and how the planted ones agree."""

    tool: str
    version: str
    many: Measured
    taken: int
    planted: Agreement


def main() -> None:
    """Measure and print."""
    options = _options()
    say(json.dumps(machine()))
    many = texts(options.folder, options.texts)
    sample = plant(options.folder, PLANTED, THRESHOLD)
    few = options.folder / "planted-texts.jsonl"
    _write_texts(few, sample.texts)
    outcomes = []
    for tool in [OURS, *(options.tool or TOOLS)]:
        command = _ours() if tool == OURS else _theirs(tool, options, (few, many))
        if command is None:
            continue
        out = options.folder / "out"
        try:
            measured([*command, str(few), str(out)])  # warm: caches are filled
            planted_taken = _taken(out)
            run = measured([*command, str(many), str(out)])
        except CommandFailedError as error:
            say(f"  {tool}: did not run ({str(error).strip().splitlines()[-1]})")
            continue
        taken = _taken(out)
        outcomes.append(
            Outcome(
                tool,
                _version(tool, command[0]),
                run,
                len(taken),
                agreement(sample, planted_taken, THRESHOLD),
            )
        )
        say(f"  {tool}: CPU {run.cpu:.2f} s")
    show(outcomes, options.texts)
    if options.json:
        path = options.folder / "peers.json"
        path.write_text(json.dumps([asdict(one) for one in outcomes], indent=2) + "\n")
        say(f"\nwritten: {path}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=20_000, help="texts that time is taken on")
    parser.add_argument("--tool", action="append", choices=TOOLS, help="only this one")
    parser.add_argument(
        "--model", help="a local model2vec model, for semhash; one is made if not given"
    )
    parser.add_argument("--json", action="store_true", help="write peers.json into the folder")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "out" / "bench")
    return parser.parse_args()


def texts(folder: Path, count: int) -> Path:
    """Return a file of so many texts, an id and a text a line."""
    path = folder / f"texts-{count}.jsonl"
    if not path.exists():
        table = pq.read_table(made(folder, max(count, 20_000), 0).path, columns=["chosen"])
        chosen = table.column("chosen").slice(0, count).to_pylist()
        _write_texts(path, tuple(turns[0]["content"] for turns in chosen))
    return path


def _write_texts(path: Path, given: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(given):
            file.write(json.dumps({"id": str(number), "text": text}) + "\n")


def _ours() -> list[str]:
    """Return the command that looks for near-duplicates among answers with `curate`."""
    return [sys.executable, str(HERE / "peer_scripts" / "ours_script.py"), curate_command()]


def _theirs(tool: str, options: argparse.Namespace, sources: tuple[Path, ...]) -> list[str] | None:
    """Return the command of another tool, installed if it was not; None if it does not install."""
    home = options.folder / "peers" / tool
    python = home / "bin" / "python"
    script = HERE / "peer_scripts" / f"{tool.replace('-', '_')}_script.py"
    if not (home / "installed").exists():
        venv.create(home, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        calls = [TOOLS[tool], *([("--no-deps", *ALONE[tool])] if tool in ALONE else [])]
        for words in calls:
            ended = subprocess.run([*pip, *words], check=False, capture_output=True, text=True)
            if ended.returncode:
                said = ended.stderr.strip().splitlines()[-1:] or [""]
                say(f"  {tool}: does not install ({said[0]})")
                return None
        (home / "installed").touch()
    more = [_model(python, options, sources)] if tool == "semhash" else []
    return [str(python), str(HERE / "peer_scripts" / "run_script.py"), str(script), *more]


def _model(python: Path, options: argparse.Namespace, sources: tuple[Path, ...]) -> str:
    """Return the folder of semhash's model: the one that was named, or one made of the texts."""
    if options.model:
        return str(options.model)
    folder = options.folder / "semhash-model"
    script = HERE / "peer_scripts" / "semhash_model.py"
    subprocess.run([str(python), str(script), str(folder), *map(str, sources)], check=True)
    return str(folder)


def _taken(out: Path) -> set[int]:
    """Return the rows that the last run took as duplicates."""
    found: Any = json.loads(out.read_text(encoding="utf-8"))
    out.unlink()
    shutil.rmtree(out.with_suffix(".work"), ignore_errors=True)
    return set(found)


def _version(tool: str, python: str) -> str:
    name = DISTRIBUTION.get(tool, tool)
    code = f"from importlib.metadata import version; print(version({name!r}))"
    ended = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return ended.stdout.strip()


def show(outcomes: list[Outcome], count: int) -> None:
    """Print the table: CPU as so many times ours."""
    ours = next(one for one in outcomes if one.tool == OURS)
    say(f"\n{count:,} texts\n")
    heads = ("tool", "wall s", "CPU s", "times our CPU", "peak MB", "taken", "recall", "precision")
    say("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for one in outcomes:
        cells = (
            f"{one.tool} {one.version}",
            f"{one.many.wall:.1f}",
            f"{one.many.cpu:.2f}",
            f"{one.many.cpu / ours.many.cpu:.1f}",
            f"{one.many.peak_bytes / 1e6:,.0f}",
            f"{one.taken:,}",
            f"{one.planted.recall:.4f}",
            f"{one.planted.precision:.4f}",
        )
        say("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
