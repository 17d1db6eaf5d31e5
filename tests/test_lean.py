"""What commands leave out to start sooner is still there for whoever wants it."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from curate.cli import app, app_for
from tests.helpers import curate, done, trl, write_jsonl

LEFT_OUT = """
import sys
from curate.lean import leave_scipy_out
leave_scipy_out()
import numpy as np, pyarrow as pa
from curate.signals import kernels
words, characters = kernels.count(np.array([0, 1], np.int32), pa.array(["two words"]))
assert (words[0], characters[0]) == (2, 9)
assert "scipy.linalg" not in sys.modules
import scipy.linalg.cython_blas
"""


def test_loops_need_no_scipy_and_scipy_can_be_imported_afterwards() -> None:
    pytest.importorskip("scipy", reason="scipy comes with the training extra")
    ended = subprocess.run([sys.executable, "-c", LEFT_OUT], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


PLAIN_RUN = """
import sys
from curate.cli import main
sys.argv = ["curate", "run", sys.argv[1]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
needless = ("curate.annotate.", "curate.across", "curate.contamination.match", "curate.dedup.near",
            "curate.export.hub", "curate.redact", "datasets", "pandas", "scipy.linalg")
found = sorted(name for name in sys.modules if name.startswith(needless))
assert not found, found
"""


def test_a_plain_run_loads_nothing_that_only_other_runs_need(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "pairs.jsonl", map(trl, range(20)))
    recipe = tmp_path / "recipe.yaml"
    output = tmp_path / "out"
    recipe.write_text(f"sources: [{{path: pairs.jsonl}}]\noutput: {output}\n", encoding="utf-8")
    command = [sys.executable, "-c", PLAIN_RUN, str(recipe)]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


TRIAL = """
import sys
from curate.cli import main
sys.argv = ["curate", "filter", sys.argv[1], "--try", "length_ratio <= 2..5"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
needless = ("curate.pipeline", "curate.recipe", "numba", "pandas", "pyarrow.compute", "yaml")
found = sorted(name for name in sys.modules if name.startswith(needless))
assert not found, found
"""


def test_trying_a_threshold_loads_neither_the_pipeline_nor_what_only_computing_needs(
    small_run: Path, tmp_path: Path
) -> None:
    measured = tmp_path / "measured"
    done(curate("filter", small_run, "-o", measured, "--rule", "length_ratio <= 9"))
    command = [sys.executable, "-c", TRIAL, str(measured)]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


def test_each_command_is_found_without_the_others() -> None:
    everything = get_command(app).commands
    assert {"import", "filter", "run", "push", "export"} <= set(everything)
    for name in everything:
        alone = get_command(app_for([name, "--help"]))
        assert list(alone.commands) == [name]


def test_where_no_command_is_named_there_are_all() -> None:
    for arguments in ([], ["--help"], ["fliter", "x"]):
        assert app_for(arguments) is app
