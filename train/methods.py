"""The training methods, one entry each: what `train NAME` runs, on which records.

A new method is an entry here and a small file in `train/trainers/`. The trainers are looked up in
the installed TRL when a run needs one: TRL moves them between its stable and experimental halves.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import UsageError
from schemas.records import Shape
from train.settings import Lora
from train.trainers import Parts, as_they_are, dpo, kto, make, reference_free, reward, sft

if TYPE_CHECKING:
    from datasets import Dataset


class TooLong(StrEnum):
    """What a trainer does with a row longer than `max_length`, as of TRL 1.16.

    CUT: a completion loses its end; the row goes where its prompt alone fills `max_length`.
    DROP: the row goes as soon as one of its sides is longer.
    """

    CUT = "cut"
    DROP = "drop"


PREFERENCE_LOG: Final = {
    "loss": "loss",
    "accuracy": "rewards/accuracies",
    "margin": "rewards/margins",
    "chosen_reward": "rewards/chosen",
    "rejected_reward": "rewards/rejected",
}
"""Fields of `report.Scores`, and what DPO, KTO, ORPO and CPO call them in their logs."""

REWARD_LOG: Final = {"loss": "loss", "accuracy": "accuracy", "margin": "margin"}
SFT_LOG: Final = {"loss": "loss", "accuracy": "mean_token_accuracy"}


@dataclass(frozen=True)
class Method:
    """A way to train: TRL's classes for it, the records it takes, and where its own code is.

    `about` is the first line of its help. `package` holds `trainer` and `config`. `shapes` are the
    records it takes, the best one first; `answers` the columns it trains on, of pairs.
    `check_options` refuses options with a sentence and returns notes, `rows` makes the rows that
    the trainer takes, in the order of a seed where TRL would read them in sequence, `make` the
    trainer. `fixed` are options that make the method what it is, `usual` its defaults where they
    differ from TRL's. `losses` are the names that `loss_type` may
    have, where TRL's config does not say so itself. `log` says what its trainer calls the figures,
    `reward` what a reward is here ("" where there is none), `hint` a line for its help.
    """

    name: str
    title: str
    about: str
    paper: str
    shapes: tuple[Shape, ...]
    package: str
    trainer: str
    config: str
    check_options: Callable[[dict[str, Any], Lora | None], list[str]]
    rows: Callable[[Dataset, int], Dataset] = as_they_are
    make: Callable[[Parts], Any] = make
    answers: tuple[str, ...] = ("chosen", "rejected")
    too_long: TooLong = TooLong.CUT
    fixed: dict[str, Any] = field(default_factory=dict)
    usual: dict[str, Any] = field(default_factory=dict)
    losses: tuple[str, ...] = ()
    log: dict[str, str] = field(default_factory=lambda: PREFERENCE_LOG)
    accuracy: str = "reward accuracy"
    reward: str = ""
    hint: str = ""


_LOG_RATIO: Final = "A reward is beta times the log-probability ratio to the model before training"

_ALL: Final = (
    Method(
        name="dpo",
        title="Direct Preference Optimization",
        about="Train a model to prefer the chosen answers (Direct Preference Optimization).",
        paper="arXiv:2305.18290",
        shapes=(Shape.PAIR,),
        package="trl",
        trainer="DPOTrainer",
        config="DPOConfig",
        check_options=dpo.check_options,
        make=dpo.make,
        # TRL 1.16 looks at these names at the first training step only, and they stand nowhere
        # but in that code: a test compares this list with it.
        losses=(
            "sigmoid",
            "hinge",
            "ipo",
            "exo_pair",
            "nca_pair",
            "robust",
            "bco_pair",
            "sppo_hard",
            "aot",
            "aot_unpaired",
            "apo_zero",
            "apo_down",
            "discopop",
            "sft",
            "sigmoid_norm",
        ),
        reward=_LOG_RATIO,
        hint="**Two losses, weighted:** add `--loss_type sigmoid sft --loss_weights 1.0 0.2`",
    ),
    Method(
        name="kto",
        title="Kahneman-Tversky Optimization",
        about="Train on single answers, each labelled good or bad (Kahneman-Tversky Optimization).",
        paper="arXiv:2402.01306",
        shapes=(Shape.LABELLED, Shape.PAIR),
        package="trl",
        trainer="KTOTrainer",
        config="KTOConfig",
        check_options=kto.check_options,
        rows=kto.rows,
        make=kto.make,
        reward=_LOG_RATIO,
        hint="**Pairs** are taken too: each becomes a good answer and a bad one.",
    ),
    Method(
        name="orpo",
        title="Odds Ratio Preference Optimization",
        about="Train on pairs with no reference model (Odds Ratio Preference Optimization).",
        paper="arXiv:2403.07691",
        shapes=(Shape.PAIR,),
        package="trl.experimental.orpo",
        trainer="ORPOTrainer",
        config="ORPOConfig",
        check_options=reference_free.check_options,
        make=reference_free.make,
        reward="A reward is beta times the mean log-probability of an answer's tokens",
    ),
    Method(
        name="cpo",
        title="Contrastive Preference Optimization",
        about="Train on pairs with no reference model (Contrastive Preference Optimization).",
        paper="arXiv:2401.08417",
        shapes=(Shape.PAIR,),
        package="trl.experimental.cpo",
        trainer="CPOTrainer",
        config="CPOConfig",
        check_options=reference_free.check_options,
        make=reference_free.make,
        reward="A reward is beta times the log-probability of an answer",
    ),
    Method(
        name="simpo",
        title="Simple Preference Optimization",
        about="Train on pairs with no reference model, by mean log-probabilities (SimPO).",
        paper="arXiv:2405.14734",
        shapes=(Shape.PAIR,),
        package="trl.experimental.cpo",
        trainer="CPOTrainer",
        config="CPOConfig",
        check_options=reference_free.check_options,
        make=reference_free.make,
        fixed={"loss_type": "simpo", "cpo_alpha": 0.0},
        # TRL's beta of 0.1 is DPO's. SimPO's own repository trains with 2 to 2.5 and a target
        # margin of about half of that (princeton-nlp/SimPO, README, "Hyperparameter tuning").
        usual={"beta": 2.0, "simpo_gamma": 1.0},
        reward="A reward is beta times the mean log-probability of an answer's tokens",
    ),
    Method(
        name="sft",
        title="Supervised Fine-Tuning",
        about="Train a model to give the chosen answers: the stage before DPO.",
        paper="arXiv:2203.02155",
        shapes=(Shape.PAIR, Shape.LABELLED),
        package="trl",
        trainer="SFTTrainer",
        config="SFTConfig",
        check_options=sft.check_options,
        rows=sft.rows,
        answers=("chosen",),
        log=SFT_LOG,
        accuracy="token accuracy",
    ),
    Method(
        name="reward",
        title="Reward Modelling",
        about="Train a reward model, which gives the chosen answers the higher scores.",
        paper="arXiv:2203.02155",
        shapes=(Shape.PAIR,),
        package="trl",
        trainer="RewardTrainer",
        config="RewardConfig",
        check_options=reward.check_options,
        make=reward.make,
        too_long=TooLong.DROP,
        log=REWARD_LOG,
        reward="A reward is the model's score of a conversation",
    ),
)

METHODS: Final[dict[str, Method]] = {method.name: method for method in _ALL}
"""By command name."""


def trl_class(method: Method, name: str) -> Any:
    """Return the method's trainer or config class from the installed TRL. Imports it (seconds).

    Raises UsageError where this TRL does not have it.
    """
    # TRL warns on every import of its experimental half; the table above says as much.
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    try:
        return getattr(importlib.import_module(method.package), name)
    except (ImportError, AttributeError) as error:
        from importlib.metadata import version

        raise UsageError(
            f"the installed TRL {version('trl')} has no {method.package}.{name}, which train "
            f"{method.name} needs; install trl==1.16.0, or choose another method"
        ) from error
