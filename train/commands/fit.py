"""The training commands, one for each entry of `train.methods`: they differ in nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from schemas.errors import UsageError
from train.hub import local_dataset
from train.methods import METHODS, Method
from train.options import Given, Kind, merge, read_words, read_yaml, type_options
from train.settings import Lora, Settings

ANY_OPTION = {"allow_extra_args": True, "ignore_unknown_options": True}

_TEXT, _FLAG = Kind(frozenset({str})), Kind(frozenset({bool}))
OWN_OPTIONS: dict[str, Kind] = {
    "dataset": _TEXT,
    "model": _TEXT,
    "output": _TEXT,
    "lora": _FLAG,
    "qlora": _FLAG,
    "lora_r": Kind(frozenset({int})),
    "lora_alpha": Kind(frozenset({int})),
    "lora_dropout": Kind(frozenset({float})),
    "kernels": _FLAG,
    "push_to_hub": _TEXT,
    "test_split": _TEXT,
    "chat_template_path": _TEXT,
    "weighted": _FLAG,
}
"""Options of ours that a --config file may hold too, beside those of TRL."""

OWN_FLAGS = ("accelerate", "config", "resume", "overwrite", "json")
"""Options of ours that only the command line has."""


def register(app: typer.Typer) -> None:
    """Add a command for each method."""
    for method in METHODS.values():
        app.command(method.name, context_settings=ANY_OPTION)(command_for(method))


def command_for(method: Method) -> Callable[..., None]:
    """Return the command that trains by `method`."""

    def fit(
        context: typer.Context,
        *,
        dataset: Annotated[
            str | None,
            typer.Option(metavar="DIR|hub:ORG/NAME", help="Dataset folder, as `curate` writes it."),
        ] = None,
        model: Annotated[
            str | None,
            typer.Option(
                metavar="NAME_OR_PATH|scratch",
                help="Model to train: a folder, a name on the Hub, or `scratch` for a tiny one "
                "made from the dataset, to try everything with no network.",
            ),
        ] = None,
        output: Annotated[
            str | None,
            typer.Option(
                "--output",
                "-o",
                metavar="DIR",
                help="Where the model, metrics.json, the curves and the model card go.",
            ),
        ] = None,
        config: Annotated[
            Path | None,
            typer.Option(metavar="FILE.yaml", help="Options as `name: value`; the call's own win."),
        ] = None,
        lora: Annotated[
            bool, typer.Option("--lora", help="Train LoRA adapters on all linear layers only.")
        ] = False,
        qlora: Annotated[
            bool,
            typer.Option("--qlora", help="The same on weights of 4 bits (needs bitsandbytes)."),
        ] = False,
        lora_r: Annotated[
            str | None,
            typer.Option("--lora-r", "--lora_r", metavar="N", help="Their rank; 16 if not given."),
        ] = None,
        lora_alpha: Annotated[
            str | None,
            typer.Option(
                "--lora-alpha", "--lora_alpha", metavar="N", help="Their scale; 32 if not given."
            ),
        ] = None,
        lora_dropout: Annotated[
            str | None,
            typer.Option(
                "--lora-dropout", "--lora_dropout", metavar="P", help="Their dropout; 0.05."
            ),
        ] = None,
        kernels: Annotated[
            bool,
            typer.Option(
                "--kernels", help="Use the Hub's GPU kernels in the model (needs `kernels`)."
            ),
        ] = False,
        accelerate: Annotated[
            str | None,
            typer.Option(
                metavar="NAME|FILE",
                help="Run in several processes by `accelerate launch`: fsdp2, zero3, multi_gpu "
                "and others that come with TRL, or a config file of your own.",
            ),
        ] = None,
        push_to_hub: Annotated[
            str | None,
            typer.Option(
                "--push-to-hub",
                "--push_to_hub",
                metavar="ORG/NAME",
                help="Upload the finished model to this repository, a new one as private; the "
                "token is read from HF_TOKEN or the usual login.",
            ),
        ] = None,
        test_split: Annotated[
            str | None,
            typer.Option(
                "--test-split",
                "--test_split",
                metavar="NAME",
                help="Split to evaluate on; `test` where there is one.",
            ),
        ] = None,
        chat_template_path: Annotated[
            str | None,
            typer.Option(
                "--chat-template-path",
                "--chat_template_path",
                metavar="FILE.jinja|MODEL",
                help="Chat template for a tokenizer that has none (or another one).",
            ),
        ] = None,
        weighted: Annotated[
            bool,
            typer.Option(
                "--weighted",
                help="Draw the rows by the weights that `curate balance --how weighting` gave.",
            ),
        ] = False,
        resume: Annotated[
            bool,
            typer.Option("--resume", help="Go on from the last checkpoint in the output folder."),
        ] = False,
        overwrite: Annotated[
            bool, typer.Option("--overwrite", help="Delete the run in the output folder first.")
        ] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print metrics.json to stdout, not the table.")
        ] = False,
    ) -> None:
        own: dict[str, Any] = {
            "dataset": dataset,
            "model": model,
            "output": output,
            "lora": "true" if lora else None,
            "qlora": "true" if qlora else None,
            "lora_r": lora_r,
            "lora_alpha": lora_alpha,
            "lora_dropout": lora_dropout,
            "kernels": "true" if kernels else None,
            "push_to_hub": push_to_hub,
            "test_split": test_split,
            "chat_template_path": chat_template_path,
            "weighted": "true" if weighted else None,
        }
        words = [
            Given(name, value, f"--{name}") for name, value in own.items() if value is not None
        ]
        words += read_words(context.args)
        givens = merge(read_yaml(config) if config else [], words)
        settings = settings_of(method.name, givens, resume=resume, overwrite=overwrite)
        if accelerate is not None:
            from train.launch import launch
            from train.run import check_paths

            check_paths(settings)
            raise typer.Exit(launch(accelerate, without_accelerate(sys.argv[1:])))
        run(settings, [g for g in givens if g.name not in OWN_OPTIONS], as_json=as_json)

    fit.__doc__ = _help(method)
    return fit


def _help(method: Method) -> str:
    hint = f"\n\n    {method.hint}" if method.hint else ""
    return f"""{method.about}

    **Any field of TRL's {method.config} is an option too**, written `--max_steps 20`,
    `--max-steps 20` or `--max_steps=20`: among others learning_rate, num_train_epochs (3),
    per_device_train_batch_size (8), gradient_accumulation_steps, max_length (1024 tokens, prompt
    and answer together), loss_type, warmup_steps, save_steps, report_to, seed. Lists are words or
    comma-separated, true and false need no value (`--bf16`, `--no-bf16`), tables are JSON.

    **Try the chain, with no network and no GPU:**

    `train {method.name} --dataset pairs --model scratch -o out --max_steps 20`

    **Adapters on a model, with a larger effective batch:**

    `train {method.name} --dataset pairs --model Qwen/Qwen2.5-0.5B-Instruct -o out --lora
    --per_device_train_batch_size 2 --gradient_accumulation_steps 8`{hint}

    **Options from a file, one of them changed:**
    `train {method.name} --config options.yaml --learning_rate 1e-5`

    **After Ctrl-C** (a checkpoint is saved): the same command with `--resume`

    **On several GPUs:** `--accelerate multi_gpu`, `fsdp2` or `zero3`

    Where you give nothing, these differ from TRL's defaults: the loss is logged at least 20 times
    (TRL: every 10 steps); the test split is evaluated four times; 32-bit where the machine has no
    bf16; activations are kept on a CPU; learning_rate 1e-5 with --lora; for `scratch`
    learning_rate 3e-4 and batches of 4.
    """


def without_accelerate(words: list[str]) -> list[str]:
    """Return the words of a call without --accelerate and its value."""
    place = next(i for i, word in enumerate(words) if word.split("=")[0] == "--accelerate")
    taken = 1 if "=" in words[place] else 2
    return words[:place] + words[place + taken :]


def settings_of(method: str, givens: list[Given], *, resume: bool, overwrite: bool) -> Settings:
    """Return the settings without TRL's options, which need TRL to be understood."""
    own = type_options([g for g in givens if g.name in OWN_OPTIONS], OWN_OPTIONS, f"train {method}")
    for name, what in (
        ("dataset", "the folder that `curate` wrote"),
        ("model", "a folder, a name on the Hub, or scratch"),
        ("output", "a folder for the result"),
    ):
        if name not in own:
            raise UsageError(f"train {method} needs --{name}: {what}")
    return Settings(
        method=method,
        dataset=local_dataset(own["dataset"]),
        model=own["model"],
        output=Path(own["output"]),
        lora=_lora(own),
        kernels=bool(own.get("kernels")),
        push_to_hub=own.get("push_to_hub"),
        test_split=own.get("test_split"),
        chat_template_path=own.get("chat_template_path"),
        weighted=bool(own.get("weighted")),
        resume=resume,
        overwrite=overwrite,
    )


def _lora(own: dict[str, Any]) -> Lora | None:
    given = {
        name: own[f"lora_{name}"] for name in ("r", "alpha", "dropout") if f"lora_{name}" in own
    }
    if not own.get("lora") and not own.get("qlora"):
        if given:
            raise UsageError(f"--lora_{next(iter(given))} is for adapters; add --lora")
        return None
    lora = Lora(**given, four_bit=bool(own.get("qlora")))
    if lora.r < 1 or lora.alpha < 1:
        raise UsageError("--lora_r and --lora_alpha must be above 0")
    if not 0 <= lora.dropout < 1:
        raise UsageError(f"--lora_dropout is {lora.dropout}; it must be from 0 to below 1")
    return lora


def run(settings: Settings, givens: list[Given], *, as_json: bool) -> None:
    """Train by settings and TRL's options as they were written, and show the result."""
    from train.machine import is_main_process
    from train.network import go_offline_if_unreachable
    from train.run import check_paths, train, type_settings
    from train.upload import prepare_repository, upload

    progress = Console(stderr=True)
    check_paths(settings)
    if settings.push_to_hub is not None:
        prepare_repository(settings.push_to_hub)
    go_offline_if_unreachable(settings)
    with progress.status("loading TRL"):
        options = type_settings(METHODS[settings.method], givens, (*OWN_OPTIONS, *OWN_FLAGS))
    metrics = train(replace(settings, options=options), progress)
    if not is_main_process():
        return
    _show(metrics, settings.output, as_json=as_json)
    if settings.push_to_hub is not None:
        where = upload(settings.output, settings.push_to_hub)
        progress.print(f"uploaded to {where}", markup=False, highlight=False, soft_wrap=True)


def _show(metrics: Any, output: Path, *, as_json: bool) -> None:
    from train.report import summary

    if as_json:
        typer.echo(metrics.to_json(), nl=False)
    else:
        Console().print(summary(metrics, output))
