"""One training run from start to end: check, prepare, train, evaluate, report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from schemas.errors import DataError, PairwrightError, UsageError
from schemas.layout import Folder
from schemas.records import Shape
from train import check, data
from train.curves import draw_curves
from train.machine import Machine, is_main_process, look_at_machine
from train.methods import METHODS, Method, trl_class
from train.options import Given, kinds_of, type_options
from train.output import (
    METRICS,
    SCRATCH_MODEL,
    check_output,
    last_checkpoint,
    open_output,
    steps_done,
)
from train.quiet import quiet
from train.report import (
    Metrics,
    Scores,
    SplitUse,
    library_versions,
    model_card,
    panels,
    scores,
)
from train.scratch import make_scratch_model
from train.settings import SCRATCH, Settings
from train.tokens import count, make_reader, template_text
from train.trainers import Chosen, Parts, dpo, kto

if TYPE_CHECKING:
    from datasets import Dataset

    from train.callbacks import StopOnSignal

SHOWN_OPTIONS: Final = (
    "beta",
    "loss_type",
    "simpo_gamma",
    "cpo_alpha",
    "desirable_weight",
    "undesirable_weight",
    "precompute_ref_log_probs",
    "learning_rate",
    "max_length",
    "max_steps",
    "num_train_epochs",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "seed",
)
"""Options that metrics.json always has, given or not."""


DEFAULT_SEED: Final = 42
"""TRL's own; held-out rows keep this order, so that runs of all seeds are held against the same."""


class StoppedError(PairwrightError):
    """Ctrl-C or SIGTERM: the shell's own exit statuses, 128 and the signal's number."""

    def __init__(self, message: str, signal_number: int = 2) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


@dataclass(frozen=True)
class Prepared:
    """What the checks have made of the settings: everything a trainer is built from.

    `model` is the folder or name to load, `options` all that is handed to TRL's config, `steps`
    how many optimizer steps that makes. `fits`: no row is longer than `max_length`, as far as text
    alone tells.
    """

    method: Method
    folder: Folder
    model: str
    train: Dataset
    test: Dataset | None
    processor: Any
    splits: tuple[SplitUse, ...]
    options: dict[str, Any]
    steps: int
    notes: tuple[str, ...]
    fits: bool


def type_settings(method: Method, givens: list[Given], also: Iterable[str]) -> dict[str, Any]:
    """Return the options as typed fields of the method's config. Imports TRL (ten seconds).

    `also` are the command's other options, for the nearest name in a refusal.
    """
    quiet()
    kinds = kinds_of(trl_class(method, method.config))
    return type_options(givens, kinds, f"train {method.name}", also)


def check_paths(settings: Settings) -> None:
    """Refuse what can be refused in no time: the dataset, the split, the output folder."""
    folder = data.open_for(METHODS[settings.method], settings.dataset)
    data.test_split(folder, settings.test_split)
    if is_main_process():
        check_output(settings.output, resume=settings.resume, overwrite=settings.overwrite)


def train(settings: Settings, console: Console) -> Metrics:
    """Train, write everything to `settings.output`, and return what came of it.

    Notes and the live line go to `console`. Raises UsageError and DataError for what a user can
    mend, StoppedError on Ctrl-C after a checkpoint is saved.
    """
    quiet()
    check_paths(settings)
    from accelerate import PartialState

    # The other processes of a distributed run wait until the first has made the folder.
    machine = look_at_machine(bool(settings.options.get("use_cpu")))
    with PartialState(cpu=machine.device == "cpu").main_process_first():
        prepared = prepare(settings, machine)
    if is_main_process():
        for note in prepared.notes:
            console.print(f"note: {note}", highlight=False, soft_wrap=True)
    finished = _finished(settings, prepared)
    if finished is not None:
        console.print(f"{settings.output} is finished already ({finished.steps} steps)")
        return finished
    return _train(settings, prepared, console)


def prepare(settings: Settings, machine: Machine) -> Prepared:
    """Check the options and the rows, and make ready the data, the folder and the tokenizer."""
    method = METHODS[settings.method]
    folder = data.open_for(method, settings.dataset)
    given = settings.options
    check.check_numbers(given)
    check.check_losses(method, given)
    notes = method.check_options(given, settings.lora)
    fitting = check.precision(given, machine)
    check.packages(settings, machine)
    if settings.kernels:
        fitting["model_init_kwargs"] = {
            **(given.get("model_init_kwargs") or {}),
            "use_kernels": True,
        }
    if is_main_process():
        open_output(settings.output, _asked(settings, folder), resume=settings.resume)
    model = settings.model
    if model == SCRATCH:
        model = str(settings.output / SCRATCH_MODEL)
        make_scratch_model(folder, Path(model), given.get("seed", 42))
    processor = check.load_tokenizer(settings, model)
    reader = make_reader(processor, model)
    notes += check.say_template(data.message_fields(folder), template_text(processor))

    max_length = given.get("max_length", 1024)
    test_name = data.test_split(folder, settings.test_split)
    sets: dict[str, Dataset] = {}
    uses = []
    for split in ("train", *filter(None, [test_name])):
        loaded = data.load(folder, split, reader.reasoning_key)
        check.check_images(loaded, processor, settings.model)
        counted = count(folder, split, reader)
        if split == "train" and settings.weighted:
            rows_drawn = data.drawn(folder, split, _order_seed(given))
            loaded, counted = loaded.select(rows_drawn), counted.take(rows_drawn)
            notes.append(
                f"{len(set(rows_drawn.tolist()))} different rows of {len(rows_drawn)} are drawn by "
                "their weights, some several times"
            )
        sets[split] = method.rows(loaded, _order_seed(given) if split == "train" else DEFAULT_SEED)
        lengths = check.lengths_of(
            method,
            counted,
            max_length,
            keeps_end=given.get("truncation_mode") == "keep_end",
        )
        notes += check.say_lengths(method, split, lengths, max_length)
        uses.append(SplitUse(split, lengths.rows, lengths.dropped, lengths.cut))
    if data.has_weights(folder) and not settings.weighted:
        notes.append(f"{settings.dataset} has weights, which do nothing without --weighted")
    if test_name is None:
        notes.append(
            f"{settings.dataset} has no test split, so nothing is held out; make one with "
            f"`curate split {settings.dataset} -o DIR2 --test 0.05`"
        )
    options = {**check.model_defaults(settings, method, machine), **given, **fitting}
    rows = uses[0].rows - uses[0].dropped
    steps = check.steps_in_all(options, rows, machine)
    options = {**check.course_defaults(steps, held_out=test_name is not None), **options}
    paired = folder.manifest.shape is Shape.PAIR
    chosen = _chosen_for_the_data(
        method, sets["train"], rows, steps, options, machine, paired=paired
    )
    options = {**chosen.options, **options, **method.fixed}
    notes += [*chosen.notes, *check.log_at_least_once(options, steps)]
    return Prepared(
        method=method,
        folder=folder,
        model=model,
        train=sets["train"],
        test=sets[test_name] if test_name else None,
        processor=processor,
        splits=tuple(uses),
        options=options,
        steps=steps,
        notes=tuple(notes),
        fits="images" not in sets["train"].column_names
        and not any(use.dropped or use.cut for use in uses),
    )


def _order_seed(options: dict[str, Any]) -> int:
    """Return the seed of the order of rows, as transformers' Trainer takes it."""
    seed: int | None = options.get("data_seed")
    return options.get("seed", DEFAULT_SEED) if seed is None else seed


def _chosen_for_the_data(
    method: Method,
    train: Dataset,
    rows: int,
    steps: int,
    options: dict[str, Any],
    machine: Machine,
    *,
    paired: bool,
) -> Chosen:
    """Return the options that follow from the rows themselves, where none were given."""
    if method.name == "kto":
        good = sum(train["label"])
        return kto.weights(good, len(train) - good, options, paired=paired)
    if method.name == "dpo":
        return dpo.defaults(
            rows,
            steps * check.rows_a_step(options, machine),
            options,
            has_images="images" in train.column_names,
        )
    return Chosen()


def _asked(settings: Settings, folder: Folder) -> dict[str, Any]:
    """Return what run.json keeps, to hold a resumed run against."""
    return {
        "method": settings.method,
        "model": settings.model,
        "dataset": folder.manifest_hash,
        "lora": asdict(settings.lora) if settings.lora else None,
        "kernels": settings.kernels,
        "test_split": settings.test_split,
        "chat_template_path": settings.chat_template_path,
        "weighted": settings.weighted or None,
        "options": settings.options,
    }


def _finished(settings: Settings, prepared: Prepared) -> Metrics | None:
    """Return the metrics of a finished run that `--resume` has nothing to add to."""
    path = settings.output / METRICS
    if not settings.resume or not path.exists():
        return None
    try:
        metrics = Metrics.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged; start anew with --overwrite") from error
    return metrics if metrics.steps >= prepared.steps else None


def _train(settings: Settings, prepared: Prepared, console: Console) -> Metrics:
    from train.callbacks import Live, StopOnNan, StopOnSignal

    (settings.output / METRICS).unlink(missing_ok=True)
    live, stop = Live(console, prepared.splits[-1].name, prepared.method.log), StopOnSignal()
    trainer = _make_trainer(settings, prepared, [live, stop])
    trainer.add_callback(StopOnNan(trainer.args.learning_rate))
    checkpoint = last_checkpoint(settings.output) if settings.resume else None
    if settings.resume and is_main_process():
        where = f"from {checkpoint}" if checkpoint else "from the start: no checkpoint was saved"
        console.print(f"resuming {where}", highlight=False, soft_wrap=True)
    with explained(settings), stop:
        try:
            if checkpoint and steps_done(checkpoint) >= prepared.steps:
                _take_over(trainer, checkpoint)
            else:
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except KeyboardInterrupt:
            raise StoppedError(_how_to_go_on(settings.output), stop.received or 2) from None
        finally:
            live.close()
    _stop_here(stop, trainer, settings.output)
    with explained(settings):
        _evaluate(trainer, prepared)
        trainer.save_model(str(settings.output))
    metrics = _metrics(settings, prepared, trainer, live.seconds, live.tokens_per_second)
    if is_main_process():
        _write(metrics, settings, prepared)
    return metrics


def _make_trainer(settings: Settings, prepared: Prepared, callbacks: list[Any]) -> Any:
    from transformers import PrinterCallback

    method = prepared.method
    trainer_class = trl_class(method, method.trainer)
    with explained(settings):
        try:
            config = trl_class(method, method.config)(
                output_dir=str(settings.output), disable_tqdm=True, **prepared.options
            )
        except (ValueError, TypeError, ImportError) as error:
            raise UsageError(f"TRL refuses these options: {_sentence(error)}") from error
        try:
            trainer = method.make(
                Parts(
                    trainer=trainer_class,
                    model=prepared.model,
                    config=config,
                    train=prepared.train,
                    test=prepared.test,
                    processor=prepared.processor,
                    adapter=_adapter(settings),
                    quantization=_quantization(settings),
                    callbacks=callbacks,
                    fits=prepared.fits,
                )
            )
        except (OSError, ValueError, NotImplementedError, ImportError) as error:
            raise UsageError(
                f"the model {settings.model} cannot be trained so: {_sentence(error)}"
            ) from error
    trainer.remove_callback(PrinterCallback)
    return trainer


def _adapter(settings: Settings) -> Any | None:
    if settings.lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=settings.lora.r,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules="all-linear",
        # A reward model's new head is trained whole.
        task_type="SEQ_CLS" if settings.method == "reward" else "CAUSAL_LM",
        modules_to_save=["score"] if settings.method == "reward" else None,
    )


def _quantization(settings: Settings) -> Any | None:
    """Return QLoRA's 4-bit NormalFloat with double quantization (arXiv:2305.14314, section 3)."""
    if settings.lora is None or not settings.lora.four_bit:
        return None
    import torch
    from transformers import BitsAndBytesConfig

    config: Any = BitsAndBytesConfig
    return config(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _take_over(trainer: Any, checkpoint: Path) -> None:
    """Load a checkpoint after which nothing is left to train: the run was stopped while it ended.

    `Trainer.train` would do one step more.
    """
    from transformers import TrainerState

    trainer._load_from_checkpoint(str(checkpoint))
    trainer.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))


def _stop_here(stop: StopOnSignal, trainer: Any, output: Path) -> None:
    """End the command if a signal ended the training."""
    state = trainer.state
    if stop.received is not None and state.global_step < state.max_steps:
        raise StoppedError(
            f"stopped after step {state.global_step} of {state.max_steps}; {_how_to_go_on(output)}",
            stop.received,
        )


def _how_to_go_on(output: Path) -> str:
    checkpoint = last_checkpoint(output)
    if checkpoint is None:
        return "no checkpoint was saved yet; the same command with --resume begins anew"
    return f"{checkpoint} is saved; the same command with --resume goes on from there"


def _evaluate(trainer: Any, prepared: Prepared) -> None:
    """Evaluate the held-out split, unless the last step has just done so."""
    done = [row["step"] for row in trainer.state.log_history if "eval_loss" in row]
    if prepared.test is not None and trainer.state.global_step not in done:
        trainer.evaluate()


def _metrics(
    settings: Settings, prepared: Prepared, trainer: Any, seconds: float, rate: float | None
) -> Metrics:
    log = trainer.state.log_history
    trained = [row for row in log if "loss" in row]
    tested = [row for row in log if "eval_loss" in row]
    given = dict(prepared.options)
    for name in SHOWN_OPTIONS:
        if hasattr(trainer.args, name):
            given.setdefault(name, getattr(trainer.args, name))
    notes = list(prepared.notes)
    return Metrics(
        method=prepared.method.name,
        model=settings.model,
        dataset=prepared.folder.manifest.name,
        manifest=prepared.folder.manifest_hash,
        splits=prepared.splits,
        steps=trainer.state.global_step,
        epochs=float(trainer.state.epoch or 0.0),
        seconds=round(seconds, 3),
        tokens_per_second=round(rate, 1) if rate else None,
        train=scores(trained[-1], prepared.method.log) if trained else Scores(),
        test=scores(tested[-1], prepared.method.log, "eval_") if tested else None,
        options=dict(sorted(given.items())),
        lora=asdict(settings.lora) if settings.lora else None,
        notes=tuple(notes),
        versions=library_versions(),
        log=tuple(log),
    )


def _write(metrics: Metrics, settings: Settings, prepared: Prepared) -> None:
    output = settings.output
    title = f"{metrics.method}, {metrics.model} on {metrics.dataset} ({metrics.manifest[:12]})"
    draw_curves(metrics.log, panels(prepared.method), title, output)
    from_hub = settings.model != SCRATCH and not Path(settings.model).exists()
    card = model_card(metrics, prepared.method, settings.model if from_hub else None)
    (output / "README.md").write_text(card, encoding="utf-8")
    (output / METRICS).write_text(metrics.to_json(), encoding="utf-8")


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Turn the ways in which a machine is too small into a sentence."""
    import torch
    from safetensors import SafetensorError

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DataError(
            "the accelerator's memory is full; lower --per_device_train_batch_size (now "
            f"{_batch(settings)}) and raise --gradient_accumulation_steps, lower --max_length, or "
            "train with --lora"
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "not enough memory" not in str(error):
            raise
        raise DataError(
            f"the memory is full; lower --per_device_train_batch_size (now {_batch(settings)}) "
            "and raise --gradient_accumulation_steps, lower --max_length, or train with --lora"
        ) from error
    except OSError as error:
        if error.errno is None:
            raise
        raise DataError(f"{settings.output} cannot be written: {error.strerror}") from error
    except SafetensorError as error:
        raise DataError(f"{settings.output} cannot be written: {_sentence(error)}") from error


def _batch(settings: Settings) -> int:
    batch: int = settings.options.get("per_device_train_batch_size", 8)
    return batch


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
