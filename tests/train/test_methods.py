"""Every method trains: on real data, on the records it takes, with TRL as it is installed."""

from __future__ import annotations

import importlib
import inspect
import io
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from schemas.errors import UsageError
from schemas.layout import open_folder
from schemas.records import Shape
from tests.helpers import SHARED, curate, done
from tests.train.conftest import Answer, pair, write_folder
from train.data import load
from train.methods import METHODS, Method, trl_class
from train.options import kinds_of
from train.report import Metrics
from train.run import train
from train.settings import Settings
from train.trainers import kto, reference_free, sft

PAIRS = SHARED / "formats" / "hiyouga-LLaMA-Factory__dpo_en_demo.json"
LABELLED = SHARED / "formats" / "hiyouga-LLaMA-Factory__kto_en_demo.json"


def fit(method: str, dataset: Path, output: Path, **options: object) -> Metrics:
    given = {"max_steps": 2, "per_device_train_batch_size": 2, "max_length": 256, **options}
    settings = Settings(method, dataset, "scratch", output, options=given)
    return train(settings, Console(file=io.StringIO()))


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[Shape, Path]:
    """Real pairs and real labelled answers, as `curate` imports them."""
    if not PAIRS.exists():
        pytest.skip(f"{PAIRS.parent} is not there")
    root = tmp_path_factory.mktemp("real")
    for path, name in ((PAIRS, "pairs"), (LABELLED, "labelled")):
        done(curate("import", path, "-o", root / name))
    return {Shape.PAIR: root / "pairs", Shape.LABELLED: root / "labelled"}


def labelled(number: int, good: bool) -> dict[str, object]:
    row = pair(number)
    answer = row.pop("chosen") if good else row.pop("rejected")
    return {
        **{key: value for key, value in row.items() if key not in ("chosen", "rejected")},
        "completion": answer,
        "label": good,
    }


def columns(path: Path, method: Method) -> list[str]:
    return method.rows(load(open_folder(path), "train"), 42).column_names


@pytest.mark.parametrize("method", METHODS)
def test_each_method_trains_on_pairs(method: str, toy: Path, tmp_path: Path) -> None:
    metrics = fit(method, toy, tmp_path / "out")
    assert metrics.steps == 2
    assert metrics.train.loss is not None
    assert math.isfinite(metrics.train.loss)
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"{METHODS[method].title} ({METHODS[method].paper})" in card
    assert ("each pair is split into a good answer and a bad one" in card) == (method == "kto")


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_each_method_trains_on_a_real_folder(
    method: str, real: dict[Shape, Path], tmp_path: Path
) -> None:
    metrics = fit(method, real[METHODS[method].shapes[0]], tmp_path / "out")
    assert metrics.steps == 2
    assert metrics.train.loss is not None
    assert math.isfinite(metrics.train.loss)
    assert (tmp_path / "out" / "model.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("loss", METHODS["dpo"].losses)
def test_each_loss_of_dpo_trains(loss: str, toy: Path, tmp_path: Path) -> None:
    smoothing = {"label_smoothing": 0.01} if loss in ("exo_pair", "robust") else {}
    metrics = fit("dpo", toy, tmp_path / "out", loss_type=[loss], **smoothing)
    assert metrics.steps == 2
    assert metrics.train.loss is not None
    assert math.isfinite(metrics.train.loss)


def test_all_losses_of_dpo_train_together_with_weights(toy: Path, tmp_path: Path) -> None:
    """MPO's way of several losses at once: each takes part in two steps."""
    losses = list(METHODS["dpo"].losses)
    weights = [1.0 / len(losses)] * len(losses)
    smoothing = {"label_smoothing": 0.01}
    metrics = fit("dpo", toy, tmp_path / "out", loss_type=losses, loss_weights=weights, **smoothing)
    assert metrics.steps == 2
    assert metrics.train.loss is not None
    assert math.isfinite(metrics.train.loss)


@pytest.mark.parametrize(
    "options",
    [
        {"f_divergence_type": "js_divergence"},
        {"use_weighting": True},
        {"ld_alpha": 0.5},
    ],
    ids=["f-divergence", "WPO", "length-desensitised"],
)
@pytest.mark.slow
def test_the_variants_of_dpo_train(options: dict[str, object], toy: Path, tmp_path: Path) -> None:
    assert fit("dpo", toy, tmp_path / "out", **options).steps == 2


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_the_installed_trl_has_what_a_method_needs(method: Method) -> None:
    config = trl_class(method, method.config)
    assert inspect.isclass(trl_class(method, method.trainer))
    names = {*method.fixed, *method.usual}
    assert names <= set(kinds_of(config))


def test_a_method_that_this_trl_does_not_have_is_a_sentence() -> None:
    from dataclasses import replace

    gone = replace(METHODS["orpo"], package="trl.experimental.gone")
    with pytest.raises(UsageError) as told:
        trl_class(gone, gone.trainer)
    assert str(told.value) == (
        "the installed TRL 1.16.0 has no trl.experimental.gone.ORPOTrainer, which train orpo "
        "needs; install trl==1.16.0, or choose another method"
    )


def test_what_makes_a_method_cannot_be_changed(
    call: Callable[..., Answer], toy: Path, tmp_path: Path
) -> None:
    words = ["--dataset", toy, "--model", "scratch", "-o", tmp_path / "o", "--loss_type", "ipo"]
    answer = call("simpo", *words)
    assert (answer.status, answer.err) == (
        2,
        "Error: --loss_type is simpo for train simpo: that is what makes the method; leave it "
        "out\n",
    )


def test_kto_makes_a_good_and_a_bad_answer_of_a_pair_and_shuffles(toy: Path) -> None:
    data = METHODS["kto"].rows(load(open_folder(toy), "train"), 42)
    assert data.column_names == ["prompt", "completion", "label"]
    assert len(data) == 64
    assert sum(data["label"]) == 32
    assert data["label"][:32] != [True] * 32
    both = {(row["prompt"][0]["content"], row["label"]) for row in data}
    assert len(both) == 64


def test_the_seed_of_a_run_orders_ktos_rows(toy: Path) -> None:
    """TRL reads them in sequence: in one order for all seeds, all seeds would be one run."""
    data = load(open_folder(toy), "train")
    orders = [METHODS["kto"].rows(data, seed)["label"][:] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_kto_weighs_the_rarer_kind_up_until_both_count_alike() -> None:
    assert kto.weights(100, 100, {}).options == {}
    assert kto.weights(120, 100, {}).options == {}
    assert kto.weights(100, 300, {}).options == {"desirable_weight": 3.0}
    assert kto.weights(300, 100, {}).options == {"undesirable_weight": 3.0}
    assert kto.weights(300, 100, {"desirable_weight": 1.0}).options == {}
    assert kto.weights(300, 100, {}).notes == (
        "300 good answers and 100 bad ones: undesirable_weight is 3.0, so that both count alike",
    )


def test_a_batch_of_one_is_refused_for_kto(
    call: Callable[..., Answer], toy: Path, tmp_path: Path
) -> None:
    words = ["--dataset", toy, "--model", "scratch", "-o", tmp_path / "out"]
    answer = call("kto", *words, "--per_device_train_batch_size", 1)
    assert (answer.status, answer.err) == (
        2,
        "Error: --per_device_train_batch_size is 1, and KTO compares the answers of a batch with "
        "each other; give at least 2\n",
    )


def test_sft_trains_on_good_answers_only(tmp_path: Path, toy: Path) -> None:
    rows = [labelled(n, good=n % 2 == 0) for n in range(6)]
    path = write_folder(tmp_path / "labelled", {"train": rows}, Shape.LABELLED)
    data = sft.rows(load(open_folder(path), "train"), 42)
    assert data.column_names == ["prompt", "completion"]
    assert data["completion"] == [pair(n)["chosen"] for n in (0, 2, 4)]
    assert columns(toy, METHODS["sft"]) == ["prompt", "completion"]


def test_packing_without_a_number_of_steps_is_refused() -> None:
    with pytest.raises(UsageError, match="give --max_steps too"):
        sft.check_options({"packing": True}, None)
    assert sft.check_options({"packing": True, "max_steps": 3}, None) == []


def test_answers_for_the_experimental_trainers_end_once(toy: Path, scratch_model: Path) -> None:
    """The template writes a line end behind the EOS, to which they would add a second EOS."""
    from transformers import AutoTokenizer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(scratch_model)
    data = load(open_folder(toy), "test")
    written = reference_free.as_text(data, tokenizer, 256)
    assert all(row["chosen"].endswith("<|end|>") for row in written)
    config = ORPOConfig(output_dir="unused", use_cpu=True, bf16=False)
    trainer = ORPOTrainer(
        str(scratch_model), args=config, train_dataset=written, processing_class=tokenizer
    )
    end = tokenizer.eos_token_id
    for row in trainer.train_dataset:
        assert row["chosen_labels"].count(end) == 1
        assert row["chosen_labels"][-1] == end


def test_a_prompt_that_leaves_no_answer_is_left_out_of_the_experimental_trainers(
    folder: Callable[..., Path], scratch_model: Path
) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(scratch_model)
    long_prompt = [{"role": "user", "content": "Lisbon " * 200}]
    path = folder([pair(0), pair(1, prompt=long_prompt)])
    written = reference_free.as_text(load(open_folder(path), "train"), tokenizer, 64)
    assert len(written) == 1


def test_the_reference_is_computed_once_when_every_row_is_seen(toy: Path, tmp_path: Path) -> None:
    """32 rows: 2 steps of 2 rows see few of them, 16 see all."""
    few = fit("dpo", toy, tmp_path / "few")
    all_of_them = fit("dpo", toy, tmp_path / "all", max_steps=16, eval_strategy="no")
    assert few.options["precompute_ref_log_probs"] is False
    assert all_of_them.options["precompute_ref_log_probs"] is True
    assert all_of_them.log[0]["loss"] == pytest.approx(math.log(2), abs=1e-3)


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_runs_on_the_same_rows_share_tokens_and_reference(
    method: str, toy: Path, tmp_path: Path, scratch_model: Path
) -> None:
    def cached_by(output: str, beta: float) -> set[Path]:
        options = {"max_steps": 2, "beta": beta, "precompute_ref_log_probs": True}
        settings = Settings(method, toy, str(scratch_model), tmp_path / output, options=options)
        metrics = train(settings, Console(file=io.StringIO()))
        assert metrics.options["max_length"] == 1024
        (first, *_) = load(open_folder(toy), "train").cache_files
        return set(Path(first["filename"]).parent.glob("cache-*"))

    made = cached_by("one", 0.1)
    assert made
    assert cached_by("two", 0.3) == made


def test_a_method_is_one_entry_and_a_small_file() -> None:
    for name in ("dpo", "kto", "reference_free", "sft", "reward"):
        module = importlib.import_module(f"train.trainers.{name}")
        assert len(inspect.getsource(module).splitlines()) <= 130, name
