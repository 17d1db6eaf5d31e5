"""What a recipe says, as frozen models that refuse whatever they do not know.

The descriptions of the fields are the documentation: `writing.example` and `json_schema`, and the
page docs/recipe.md, are made of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from curate.balance import BalanceHow
from curate.contamination.modes import COMMON, Mode, Side
from curate.dedup.conflicts import Settle
from curate.dedup.order import Keep
from curate.dedup.views import Over, Tool
from curate.pairing import BY_THRESHOLD, Judges, Pairing, PairStrategy, Ties


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    return text


def _amount(value: float) -> float:
    if value >= 1 and not value.is_integer():
        raise ValueError("must be a whole number of records or a share below 1")
    return value


def _text_or_list(value: object) -> str:
    return "list" if isinstance(value, list | tuple) else "text"


def _is_address(path: str) -> bool:
    return path == "-" or re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", path) is not None


def _beside(path: str, folder: str) -> str:
    return path if folder == "." else str(Path(folder) / path)


Text = Annotated[str, Field(min_length=1), AfterValidator(_said)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]
Paths = Annotated[
    Annotated[Text, Tag("text")] | Annotated[Texts, Tag("list")], Discriminator(_text_or_list)
]


def _needs_no_threshold(strategy: PairStrategy) -> PairStrategy:
    if strategy in BY_THRESHOLD:
        raise ValueError(
            f"cannot be {strategy.value!r} alone; write {{strategy: {strategy.value}, "
            "threshold: 4}, with the lowest score of a good answer"
        )
    return strategy


PairsWord = Annotated[PairStrategy, Field(strict=False), AfterValidator(_needs_no_threshold)]


class Part(BaseModel):
    """What the models of a recipe share: unknown keys, loose types and changes are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SourceSpec(Part):
    """One place that records come from."""

    path: Paths = Field(
        description="A file, a glob, a folder, a dataset folder, a dataset of the Hub "
        "(`hub:ORG/NAME[/CONFIG][@REVISION][#SPLIT]`), an address (`hf://`, `s3://`, `gs://`, "
        "`https://`), or a list of these; relative paths start at the recipe's folder.",
        examples=["data/pairs.jsonl"],
    )
    name: Text | None = Field(
        default=None,
        description="What `source` says in each record; by default the name of the path.",
        examples=["orca"],
    )
    format: Text | None = Field(
        default=None,
        description="The format of the rows (`curate formats` lists them); found out from columns "
        "and values where it is not given.",
        examples=["orca"],
    )
    map: dict[str, Text] = Field(
        default={},
        description="Your own format: which column of the source goes into which field of the "
        "record.",
        examples=[{"prompt": "question", "chosen": "good", "rejected": "bad"}],
    )
    prompt: Text | None = Field(
        default=None,
        description="The prompt of every row, for a source that has none.",
        examples=["Which of the two arguments convinces you more?"],
    )
    max_disagreement: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The share of the pairs with different scores in which rejected may have the "
        "higher one; above it the run stops, for then the label is probably read the wrong way "
        "round. By default 0.4 (docs/decisions.md says why); 1 never stops.",
        examples=[0.1],
    )
    config: Text | None = Field(
        default=None,
        description="The config of a dataset on the Hub, or a folder of its files.",
        examples=["default"],
    )
    revision: Text | None = Field(
        default=None,
        description="The branch, tag or commit of a dataset on the Hub.",
        examples=["main"],
    )
    split: Text | None = Field(
        default=None,
        description="The split of the source to take; its records keep it. Files whose names tell "
        "no split are all of the one said here: train, validation or test.",
        examples=["train"],
    )
    pairs: PairsWord | None = Field(
        default=None,
        description="How ranked answers of this source become pairs, where not as of the others.",
        examples=["all"],
    )
    take: Annotated[float, AfterValidator(_amount)] | None = Field(
        default=None,
        gt=0,
        description="How much of what the rules keep of this source goes into the dataset: a "
        "number of records, or a share below 1. Chosen by seed and content; records of a test or "
        "validation split that the source gives are not counted, and stay.",
        examples=[1000],
    )
    weight: float | None = Field(
        default=None,
        gt=0,
        description="This source's part in the mixture, beside the weights of others: as many "
        "records as the scarcest source allows are taken of each, in these proportions.",
        examples=[2],
    )
    license: Text | None = Field(
        default=None,
        description="The licence of the source, as the Hub spells it; the dataset's card names it. "
        "By default what the card of a dataset on the Hub says.",
        examples=["apache-2.0"],
    )

    _folder: str = "."

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths as seen from here: relative ones start where the recipe lies.

        Addresses (`hub:...`, `s3://...`) and `-` for stdin stay as they are.
        """
        paths = (self.path,) if isinstance(self.path, str) else self.path
        return tuple(path if _is_address(path) else _beside(path, self._folder) for path in paths)


class FilterSpec(Part):
    """Which records stay."""

    preset: Text | None = Field(
        default="default",
        description="A named set of rules (`curate rules` lists them), or null for none "
        "but the rules below.",
        examples=["default"],
    )
    rules: tuple[Text, ...] = Field(
        default=(),
        description="Rules of your own, each a signal and a threshold that a record must meet to "
        "stay; one takes the place of the preset's rules on the same signal.",
        examples=[["length_ratio <= 3"]],
    )
    signals: tuple[Text, ...] = Field(
        default=(),
        description="What to measure beside the signals of the rules and those that cost little: "
        "signals, families of them, or `all` that need no model (`curate rules` lists them).",
        examples=[["repetition"]],
    )
    again: bool = Field(
        default=False,
        description="Judge again also what earlier filters dropped: their rules stay in force, but "
        "for those on the signals that the rules here are on.",
        examples=[False],
    )


class ModelsSpec(Part):
    """Local models of transformers, for the signals that are measured by one."""

    tokenizer: Text | None = Field(
        default=None,
        description="The folder of a tokenizer: prompt_tokens, chosen_tokens and so on count by "
        "it. Relative paths start at the recipe's folder.",
        examples=["models/qwen"],
    )
    reward: Text | None = Field(
        default=None,
        description="The folder of a reward model (sequence classification with one output): "
        "chosen_reward, rejected_reward.",
        examples=["models/reward"],
    )
    toxicity: Text | None = Field(
        default=None,
        description="The folder of a classifier of single texts: chosen_toxicity and so on.",
        examples=["models/toxicity"],
    )
    label: Text | None = Field(
        default=None,
        description="Which label of that classifier is meant; by default toxic or toxicity.",
        examples=["toxic"],
    )
    perplexity: Text | None = Field(
        default=None,
        description="The folder of a causal language model: chosen_perplexity and so on.",
        examples=["models/qwen"],
    )

    _folder: str = "."

    def placed(self) -> dict[str, str | None]:
        """Return what is said, with paths seen from where the command runs."""
        said = self.model_dump()
        return {
            name: value if value is None or name == "label" else _beside(value, self._folder)
            for name, value in said.items()
        }


class JudgeSpec(Part):
    """A language model at an OpenAI-compatible endpoint that says which answer is better."""

    url: Text | None = Field(
        default=None,
        description="The address of the endpoint; judge_prefers_chosen and judge_disagrees ask "
        "there, each pair in both orders. What it will cost is said first.",
        examples=["http://localhost:8000/v1"],
    )
    model: Text | None = Field(
        default=None,
        description="The name of the model there.",
        examples=["qwen3-32b"],
    )
    criteria: Text | None = Field(
        default=None,
        description="What the judge is to decide; by default which answer serves the person who "
        "asked better.",
        examples=["which answer is correct"],
    )
    key: Text = Field(
        default="OPENAI_API_KEY",
        description="The environment variable that has the key; the key itself is written nowhere.",
        examples=["OPENAI_API_KEY"],
    )
    at_once: int = Field(
        default=8,
        ge=1,
        le=256,
        description="How many questions each worker asks at once.",
        examples=[8],
    )
    timeout: float = Field(
        default=60.0, gt=0, description="Seconds to wait for an answer.", examples=[60]
    )
    most: int = Field(
        default=10_000,
        ge=1,
        description="The most questions that a run may ask; one that might ask more is refused.",
        examples=[10_000],
    )
    dollars_in: float | None = Field(
        default=None,
        ge=0,
        description="The price of a million tokens that are read, to say what a run costs.",
        examples=[0.5],
    )
    dollars_out: float | None = Field(
        default=None,
        ge=0,
        description="The price of a million tokens that are written.",
        examples=[1.5],
    )
    cache: Text | None = Field(
        default=None,
        description="The folder in which answers are kept, so that none is asked twice; by default "
        "in the user's own cache.",
        examples=["judge-answers"],
    )

    _folder: str = "."

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.url is None) != (self.model is None):
            raise ValueError("needs both 'url' and 'model'")
        if self.url is not None and not re.match(r"https?://[^@\s]+$", self.url):
            raise ValueError(
                "has a 'url' that is no http:// or https:// address without a user or key in it; "
                "the key belongs into the environment"
            )
        return self

    @property
    def place(self) -> str | None:
        """The folder of the answers, seen from where the command runs."""
        return None if self.cache is None else _beside(self.cache, self._folder)


class RestoreSpec(Part):
    """What comes back of what an earlier command dropped."""

    reasons: tuple[Text, ...] = Field(
        default=(),
        description="Rules as they are written in the ledger, signals of rules, or stages, whose "
        "records come back.",
        examples=[[]],
    )
    ids: tuple[Text, ...] = Field(
        default=(),
        description="Ids of records that come back.",
        examples=[[]],
    )


class BalanceSpec(Part):
    """A signal that shall no longer tell chosen from rejected."""

    on: Text | None = Field(
        default=None,
        description="What to balance: a signal that both answers have, such as words, chars or "
        "list_items.",
        examples=["words"],
    )
    how: Annotated[BalanceHow, Field(strict=False)] = Field(
        default=BalanceHow.MATCHING,
        description="Leave pairs out at random until the signal is as often higher in rejected as "
        "in chosen (sampling), or so that this holds among pairs of every difference (matching); "
        "or leave none out, and say in the signal weight how much each counts (weighting).",
        examples=["matching"],
    )


class DedupSpec(Part):
    """Which records repeat or contradict others, and which of them stay."""

    exact: Annotated[Over | None, Field(strict=False)] = Field(
        default=None,
        description="Of records that are the same in this, one stays: pair (prompt and answers), "
        "answers or prompt.",
        examples=["pair"],
    )
    near: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Of records that are at least so similar, one stays: the Jaccard similarity "
        "of their sets of n-grams, computed exactly for whatever MinHash finds.",
        examples=[0.8],
    )
    semantic: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Of records whose texts have vectors at least so alike (cosine, the least of "
        "the compared sides), one stays; needs a model.",
        examples=[0.95],
    )
    model: Text | None = Field(
        default=None,
        description="The folder of an embedding model of model2vec or sentence-transformers; "
        "relative paths start at the recipe's folder.",
        examples=["models/potion-base-8M"],
    )
    over: tuple[Annotated[Over, Field(strict=False)], ...] = Field(
        default=(Over.PAIR,),
        min_length=1,
        description="What near-duplicates are near in: prompt, answers or pair (both; the same "
        "words as chosen and as rejected are not the same). One after the other if several.",
        examples=[["pair"]],
    )
    preset: Annotated[Tool, Field(strict=False)] = Field(
        default=Tool.DEFAULT,
        description="How near-duplicates are looked for: default, or as datatrove, nemo, "
        "text-dedup or datasketch do (n-grams, bands and rows).",
        examples=["default"],
    )
    keep: Annotated[Keep, Field(strict=False)] = Field(
        default=Keep.FIRST,
        description="Which of several duplicates stays; records of a test split always come "
        "before those of train.",
        examples=["first"],
    )
    conflicts: Annotated[Settle, Field(strict=False)] = Field(
        default=Settle.KEEP,
        description="What becomes of records that contradict each other (A over B and B over A, or "
        "in a circle): all stay and are noted, the side with fewer votes or the smaller "
        "difference of scores goes, or all go.",
        examples=["by-votes"],
    )
    per_prompt: int | None = Field(
        default=None,
        ge=1,
        description="How many records a prompt may have at most.",
        examples=[4],
    )

    _folder: str = "."

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        if self.semantic is not None and self.model is None:
            raise ValueError("needs a 'model' for semantic duplicates: the folder of one")
        return self

    @property
    def active(self) -> bool:
        """Whether there is anything to do."""
        return self.model_dump() != DedupSpec().model_dump()

    @property
    def place(self) -> str | None:
        """The model's folder, seen from where the command runs."""
        return None if self.model is None else _beside(self.model, self._folder)


class DecontaminateSpec(Part):
    """Which benchmarks the records must not hold."""

    mode: Annotated[Mode | None, Field(strict=False)] = Field(
        default=None,
        description="What counts as contaminated: tulu-8 (half of a question's words are in "
        "8-grams in common), gpt3-13, datatrove-12 or skywork-7 (an n-gram of so many words in "
        "common). Questions shorter than the n-gram are matched whole.",
        examples=["tulu-8"],
    )
    benchmarks: Texts = Field(
        default=("all",),
        description="all that ship, some of them by name (mt-bench, gsm8k and so on), or your "
        "own: any file or dataset folder, with #COLUMN where the questions are not found; relative "
        "paths start at the recipe's folder.",
        examples=[["all"]],
    )
    over: tuple[Annotated[Side, Field(strict=False)], ...] = Field(
        default=(Side.PROMPT, Side.CHOSEN, Side.REJECTED),
        min_length=1,
        description="Which sides are looked at, each by itself.",
        examples=[["prompt", "chosen", "rejected"]],
    )
    common: int = Field(
        default=COMMON,
        ge=1,
        description="A phrase in more prompts than these that do not have the question, or in "
        "more other questions, is common and does not count.",
        examples=[COMMON],
    )

    _folder: str = "."

    def places(self, shipped: Collection[str]) -> tuple[str, ...]:
        """Return the benchmarks: the names of `shipped` ones, and paths of one's own.

        Relative paths start where the recipe lies.
        """
        return tuple(
            one if one in shipped or _is_address(one) else _beside(one, self._folder)
            for one in self.benchmarks
        )


class AnnotationsSpec(Part):
    """What people say of the pairs of the one dataset folder that is read."""

    votes: Paths | None = Field(
        default=None,
        description="Where the answers are: argilla:WORKSPACE/DATASET, or files that "
        "`curate push --to csv` or Label Studio wrote.",
        examples=["argilla:my-team/doubtful-pairs"],
    )
    merge: Text = Field(
        default="majority",
        description="How several answers to one record become one: majority, weighted (by how "
        "reliable each person is found), or adjudicated by one of them.",
        examples=["weighted"],
    )
    adjudicator: Text | None = Field(
        default=None,
        description="Whose answers decide, where answers are adjudicated.",
        examples=["anna"],
    )
    keep: tuple[Text, ...] = Field(
        default=(),
        description="What stays as it was instead of being dropped: tie, both-bad, disagreed or "
        "discarded.",
        examples=[["tie"]],
    )
    min_votes: int = Field(
        default=1,
        ge=1,
        description="How many answers a record needs to be decided on; one with fewer stays.",
        examples=[2],
    )
    sha256: Text | None = Field(
        default=None,
        description="The hash of the answers, as a manifest gives it: others are refused.",
        examples=["9f86d081884c7d65"],
    )

    _folder: str = "."

    @property
    def active(self) -> bool:
        """Whether there are answers to use."""
        return self.votes is not None

    @property
    def places(self) -> tuple[str, ...]:
        """Where the answers are; relative paths start where the recipe lies."""
        votes = (self.votes,) if isinstance(self.votes, str) else self.votes or ()
        return tuple(one if _is_address(one) else _beside(one, self._folder) for one in votes)


class Leaks(StrEnum):
    """What becomes of a record whose prompt is in a split that a source holds out."""

    DROP = "drop"
    KEEP = "keep"


class SplitSpec(Part):
    """What is held out for the evaluation."""

    test: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="The share of the prompts that goes to the test split, with all their "
        "records; 0 makes none beside those that the sources give.",
        examples=[0.05],
    )
    near: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Prompts that are at least so similar (Jaccard, as in dedup) are on the same "
        "side; where the splits are given and no share is, those that are not are told.",
        examples=[0.8],
    )
    keep: bool = Field(
        default=True,
        description="Whether records stay in the test or validation split that their source gives "
        "them; false puts all records together and splits them anew.",
        examples=[True],
    )
    leaks: Annotated[Leaks, Field(strict=False)] = Field(
        default=Leaks.DROP,
        description="What becomes of a record for training whose prompt is also in a split that a "
        "source holds out: drop, or keep.",
        examples=["drop"],
    )


class PairsSpec(Part):
    """How a prompt with several ranked answers becomes pairs."""

    strategy: Annotated[PairStrategy, Field(strict=False)] = Field(
        default=PairStrategy.BEST_WORST,
        description="The best answer with the worst (best-worst) or with a random other "
        "(best-random), a random one of the best with one of the others (top-random), all pairs, "
        "adjacent ranks, each answer from the threshold on with each below it (threshold), or no "
        "pairs: labelled records, good from the threshold on (unpaired), or the ranked records as "
        "they are (none). Whatever it is, only a better answer is ever chosen over a worse one.",
        examples=["best-worst"],
    )
    minimum: float = Field(
        default=0.0,
        ge=0,
        description="How far the scores of chosen and rejected must be apart at least.",
        examples=[0],
    )
    ratio: float = Field(
        default=1.0,
        ge=1,
        description="How many times the score of rejected that of chosen must be at least; for "
        "scores above 0, such as votes on a forum, not for ranks.",
        examples=[1],
    )
    cap: int | None = Field(
        default=None,
        ge=1,
        description="The most pairs that are made of one row, those furthest apart.",
        examples=[5],
    )
    top: int = Field(
        default=4,
        ge=1,
        description="How many of the best answers top-random may choose from.",
        examples=[4],
    )
    threshold: float | None = Field(
        default=None,
        description="The lowest score of a good answer, for threshold and unpaired; for ranks "
        "0 minus the rank.",
        examples=[4],
    )
    ties: Annotated[Ties, Field(strict=False)] = Field(
        default=Ties.FIRST,
        description="Which of several equally good answers is taken where one is to be picked: "
        "the first in the source, a random one, or none of them (drop). Two equally good answers "
        "never make a pair.",
        examples=["first"],
    )
    judges: Annotated[Judges | None, Field(strict=False)] = Field(
        default=None,
        description="How the votes of several judges decide: by their mean, or for each two "
        "answers by what more than half of the judges prefer (majority). By default ranked answers "
        "go by the mean, and votes for one of two answers by the majority.",
        examples=["majority"],
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.strategy in BY_THRESHOLD and self.threshold is None:
            raise ValueError(f"needs a 'threshold' for the strategy {self.strategy.value}")
        if self.threshold is not None and self.strategy not in BY_THRESHOLD:
            raise ValueError(
                f"has a 'threshold', which the strategy {self.strategy.value} does not use; "
                "threshold and unpaired do"
            )
        return self


def _word_or_keys(value: object) -> str:
    return "keys" if isinstance(value, Mapping | PairsSpec) else "word"


Pairs = Annotated[
    Annotated[PairsWord, Tag("word")] | Annotated[PairsSpec, Tag("keys")],
    Discriminator(_word_or_keys),
]
"""A strategy by its name alone, or with all that can be said of it."""


class Recipe(Part):
    """A curation from sources to dataset folder, in one pass."""

    name: Text | None = Field(
        default=None,
        description="The name of the dataset; by default that of the output folder or of the "
        "first source.",
        examples=["my-dataset"],
    )
    sources: Annotated[tuple[SourceSpec, ...], Field(min_length=1)] = Field(
        description="Where the records come from, one or more."
    )
    pairs: Pairs = Field(
        default=PairStrategy.BEST_WORST,
        description="How a prompt with several ranked answers becomes pairs: a strategy, such as "
        "`pairs: all`, or the keys below.",
        examples=["best-worst"],
    )
    filter: FilterSpec = Field(default=FilterSpec(), description="Which records stay.")
    models: ModelsSpec = Field(
        default=ModelsSpec(),
        description="Local models, for the signals of the family of_models.",
    )
    judge: JudgeSpec = Field(
        default=JudgeSpec(),
        description="A language model that judges pairs, for the signals of the family llm_judge.",
    )
    redact: tuple[Text, ...] = Field(
        default=(),
        description="Personal data to take out of every text: emails, phones, ips, cards, secrets, "
        "or all; a tag such as [EMAIL] stands where something was.",
        examples=[[]],
    )
    restore: RestoreSpec = Field(
        default=RestoreSpec(),
        description="What comes back of what the dataset folders among the sources dropped.",
    )
    balance: BalanceSpec = Field(
        default=BalanceSpec(),
        description="A signal to balance after the filter, so that it tells nothing.",
    )
    annotations: AnnotationsSpec = Field(
        default=AnnotationsSpec(),
        description="What people say of the pairs of the one dataset folder that is read.",
    )
    decontaminate: DecontaminateSpec = Field(
        default=DecontaminateSpec(),
        description="Which benchmarks the records must not hold.",
    )
    dedup: DedupSpec = Field(
        default=DedupSpec(),
        description="Which records repeat or contradict others, and which of them stay.",
    )
    split: SplitSpec = Field(
        default=SplitSpec(), description="What is held out for the evaluation."
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="What everything random starts from; the same seed gives the same dataset.",
        examples=[0],
    )
    output: Text | None = Field(
        default=None,
        description="The folder to write, seen from where the command runs; `-o` wins.",
        examples=["out/my-dataset"],
    )

    @property
    def pairing(self) -> Pairing:
        """How ranked records become pairs, whichever way it was said."""
        if isinstance(self.pairs, PairStrategy):
            return Pairing(self.pairs, self.seed)
        return Pairing(seed=self.seed, **self.pairs.model_dump())

    @property
    def measures(self) -> bool:
        """Whether records are to be measured: a preset, even an empty one, or rules ask for it."""
        asked = self.filter.rules or self.filter.signals
        return self.filter.preset is not None or bool(asked)

    @property
    def looks_across(self) -> bool:
        """Whether records are compared with each other, or with benchmarks."""
        compared = self.dedup.active or self.split.near is not None
        return compared or self.decontaminate.mode is not None


SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "": Recipe,
    "sources": SourceSpec,
    "pairs": PairsSpec,
    "filter": FilterSpec,
    "models": ModelsSpec,
    "judge": JudgeSpec,
    "restore": RestoreSpec,
    "balance": BalanceSpec,
    "annotations": AnnotationsSpec,
    "decontaminate": DecontaminateSpec,
    "dedup": DedupSpec,
    "split": SplitSpec,
}
"""The models by the key that they stand under."""
