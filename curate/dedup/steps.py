"""Duplicates in order: conflicts, exact copies, near ones, semantic ones, pairs of a prompt.

Conflicts come first, because records that repeat each other are votes in them. Each step looks at
what the one before has left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from curate.dedup import kernels, near, semantic
from curate.dedup.conflicts import Conflicts, Settle, conflicts, differing_strengths
from curate.dedup.fates import Cluster, Outcome
from curate.dedup.near import Records
from curate.dedup.order import Keep, survival_rank
from curate.dedup.semantic import Meaning
from curate.dedup.sketch import whole_columns
from curate.dedup.views import ComparedBy, Over
from curate.engines import Engine
from curate.signals import Digests

STAGE: Final = "dedup"

_WHAT: Final = {Over.PROMPT: "prompt", Over.ANSWERS: "answers", Over.PAIR: "prompt and answers"}
_SETTLED: Final = {
    Settle.BY_VOTES: "more votes say the opposite of it",
    Settle.BY_MARGIN: "a larger difference of scores says the opposite of it",
}


@dataclass(frozen=True)
class Duplicates:
    """What a recipe says of duplicates; None and `KEEP` leave that step out.

    `near` is the least Jaccard similarity of duplicates, over each of `ways`, `meanings` what is
    alike by its vectors; `per_prompt` how many
    records a prompt may have, near-duplicate prompts together where `prompts` says how.
    """

    exact: Over | None = None
    near: float | None = None
    ways: tuple[ComparedBy, ...] = ()
    keep: Keep = Keep.FIRST
    conflicts: Settle = Settle.KEEP
    per_prompt: int | None = None
    meanings: tuple[Meaning, ...] = ()


@dataclass(frozen=True)
class Known:
    """What is known of all n records: content hashes, bytes, and who is in a held-out split."""

    digests: Digests
    size: np.ndarray
    held_out: np.ndarray


def drop_duplicates(
    wanted: Duplicates, records: Records, known: Known, outcome: Outcome, engine: Engine
) -> None:
    """Do what a recipe says of duplicates; what goes and what was seen is added to `outcome`."""
    rank = _rank(wanted.keep, records, known)
    _conflicts(wanted.conflicts, records, known, outcome)
    if wanted.exact is not None:
        _exact(wanted.exact, wanted.keep, records, known, rank, outcome)
    if wanted.near is not None:
        for way in wanted.ways:
            _near(way, wanted.near, wanted.keep, records, rank, outcome, engine)
    for meaning in wanted.meanings:
        _semantic(meaning, wanted.keep, records, known, rank, outcome, engine)
    if wanted.per_prompt is not None:
        _per_prompt(wanted.per_prompt, known, rank, outcome)


def prompt_groups(
    way: ComparedBy, threshold: float, records: Records, outcome: Outcome, engine: Engine
) -> np.ndarray:
    """Return for each record the least row whose prompt its own is near to, by any way.

    For splits: what is in one group is on one side. Records without words stand alone.
    """
    labels, _ = _linked(way, threshold, records, outcome.alive, engine)
    return labels


def _rank(keep: Keep, records: Records, known: Known) -> np.ndarray:
    gap = near.column_of(records, "gap").astype(np.float64)
    cast = np.nan_to_num(near.column_of(records, "votes")).astype(np.int64)
    agreeing = np.nan_to_num(near.column_of(records, "agreeing")).astype(np.int64)
    return survival_rank(keep, gap, 2 * agreeing - cast, known.size, known.held_out)


# ---- conflicts ---------------------------------------------------------------------------------


def _conflicts(settle: Settle, records: Records, known: Known, outcome: Outcome) -> None:
    rows = np.flatnonzero(outcome.alive)
    prompt = known.digests.prompt[rows]
    better, worse = (near.column_of(records, name)[rows] for name in ("chosen", "rejected"))
    if better.dtype != np.uint64:  # a shape without answers has nulls
        return
    if settle is Settle.BY_MARGIN:
        weight = np.nan_to_num(near.column_of(records, "gap").astype(np.float64)[rows])
    else:
        cast = np.nan_to_num(near.column_of(records, "votes")[rows])
        agreeing = np.nan_to_num(near.column_of(records, "agreeing")[rows])
        weight = np.maximum(2 * agreeing - cast, 1).astype(np.float64)
    found = conflicts(prompt, better, worse, weight, settle)
    _note_conflicts(found, rows, outcome)
    strength = near.column_of(records, "strength").astype(np.float64)[rows]
    _note_strengths(differing_strengths(prompt, better, worse, strength), rows, known, outcome)
    lost = found.lost
    if settle is Settle.DROP:
        reason = "another record of its prompt says the opposite"
        outcome.drop(rows[found.rows[lost]], STAGE, f"conflicts {settle}", reason)
    elif lost.any():
        equal = found.weight[lost] == found.against[lost]
        reasons = np.where(
            equal, "as much says the opposite of it as says the same", _SETTLED[settle]
        )
        outcome.drop(
            rows[found.rows[lost]],
            STAGE,
            f"conflicts {settle}",
            pa.array(reasons.tolist()),
            value=found.weight[lost],
            threshold=None,
        )


def _note_conflicts(found: Conflicts, rows: np.ndarray, outcome: Outcome) -> None:
    if not len(found.rows):
        return
    outcome.clusters.append(
        Cluster(
            "conflict",
            "prompt",
            rows[found.rows],
            rows[found.circle],
            _sizes(found.circle),
            np.full(len(found.rows), -1),
            np.full(len(found.rows), np.nan),
            ~found.lost,
        )
    )


def _note_strengths(differ: np.ndarray, rows: np.ndarray, known: Known, outcome: Outcome) -> None:
    mine = rows[differ]
    if not len(mine):
        return
    first = _first_of(known.digests.pair[mine])
    outcome.clusters.append(
        Cluster(
            "strengths",
            "pair",
            mine,
            mine[first],
            _sizes(first),
            np.full(len(mine), -1),
            np.full(len(mine), np.nan),
            np.ones(len(mine), bool),
        )
    )


def _sizes(labels: np.ndarray) -> np.ndarray:
    """Return for each label how many there are of it."""
    _, which, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sizes: np.ndarray = counts[which.ravel()]
    return sizes


def _first_of(digests: np.ndarray) -> np.ndarray:
    from curate.signals.duplicates import first_of

    return first_of(digests)


# ---- exact and near ----------------------------------------------------------------------------


def _exact(
    over: Over,
    keep: Keep,
    records: Records,
    known: Known,
    rank: np.ndarray,
    outcome: Outcome,
) -> None:
    rows = np.flatnonzero(outcome.alive)
    digests = _digests(over, records, known)
    found = near.grouped(_first_of(digests[rows]), rows, rank[rows])
    of = found.members[np.repeat(found.begins[:-1], np.diff(found.begins))]
    gone = found.members != of
    _note("exact", over, found, of, np.ones(len(of)), outcome)
    outcome.drop(
        found.members[gone],
        STAGE,
        f"exact {over}",
        f"a record with the same {_WHAT[over]} stays ({keep})",
        value=np.ones(int(gone.sum())),
        of=of[gone],
    )


def _digests(over: Over, records: Records, known: Known) -> np.ndarray:
    """Return the hashes (n × 2 uint64) of what must be the same."""
    if over is Over.PROMPT:
        return known.digests.prompt
    if over is Over.PAIR:
        return known.digests.pair
    return np.stack(near.columns_of(records, ("chosen", "rejected")), axis=1)


def _near(
    way: ComparedBy,
    threshold: float,
    keep: Keep,
    records: Records,
    rank: np.ndarray,
    outcome: Outcome,
    engine: Engine,
) -> None:
    labels, leader = _linked(way, threshold, records, outcome.alive, engine)
    rows = np.flatnonzero(outcome.alive)
    everyone = near.grouped(labels[rows], rows, rank[rows])
    members, of, similarity = _settled(way, threshold, records, everyone, leader, rank, engine)
    gone = members != of
    _note("near", way.over, everyone, of, similarity, outcome)
    outcome.drop(
        members[gone],
        STAGE,
        f"near {way.over} < {threshold:g}",
        f"a record with nearly the same words in its {_WHAT[way.over]} stays ({keep})",
        value=similarity[gone],
        threshold=threshold,
        of=of[gone],
    )


def _linked(
    way: ComparedBy, threshold: float, records: Records, alive: np.ndarray, engine: Engine
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each record (the least row of its cluster, the least row with the same words).

    Clusters are of records that are near each other, or near one that is, and so on. Only records
    that are alive are compared; one without words is alone.
    """
    rows = np.flatnonzero(alive)
    whole = np.stack(near.columns_of(records, whole_columns(way)), axis=1)[rows]
    rows, whole = rows[whole.any(axis=1)], whole[whole.any(axis=1)]
    leader = np.arange(records.count)
    leader[rows] = rows[_first_of(whole)]
    among = rows[leader[rows] == rows]
    pairs = near.candidates(records, way, among, engine)
    similarity = near.measured(records, way, pairs, engine)
    linked = pairs[similarity >= threshold]
    joined = kernels.components(records.count, linked[:, 0], linked[:, 1])
    return joined[leader], leader


def _settled(
    way: ComparedBy,
    threshold: float,
    records: Records,
    everyone: near.Clusters,
    leader: np.ndarray,
    rank: np.ndarray,
    engine: Engine,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (members of all clusters, the row that each repeats, their similarity).

    Of members with the very same words only the first to survive is compared with others.
    """
    members = everyone.members
    group = np.repeat(np.arange(len(everyone.begins) - 1), np.diff(everyone.begins))
    words = leader[members]
    order = np.lexsort((rank[members], words))
    new = np.ones(len(order), bool)
    new[1:] = words[order][1:] != words[order][:-1]
    stands = np.empty(len(members), np.int64)  # for each member the one that stands for its words
    stands[order] = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    alone = np.flatnonzero(stands == np.arange(len(members)))
    distinct = near.grouped(group[alone], members[alone], rank[members[alone]])
    repeats = near.settled(records, way, distinct, threshold, engine)
    of = np.arange(records.count)
    similarity = np.ones(records.count)
    of[repeats.rows], similarity[repeats.rows] = repeats.of, repeats.similarity
    standing = members[stands]
    return members, of[standing], similarity[standing]


def _semantic(
    meaning: Meaning,
    keep: Keep,
    records: Records,
    known: Known,
    rank: np.ndarray,
    outcome: Outcome,
    engine: Engine,
) -> None:
    over = Over(meaning.over)
    rows = np.flatnonzero(outcome.alive)
    same = _first_of(_digests(over, records, known)[rows])  # of the same text one stands for all
    order = np.lexsort((rank[rows], same))
    best = np.ones(len(order), bool)
    best[1:] = same[order][1:] != same[order][:-1]
    standing = np.zeros(len(rows), np.int64)
    standing[order] = rows[order][np.maximum.accumulate(np.where(best, np.arange(len(order)), 0))]
    alone = np.sort(rows[order][best])
    pairs, similar = semantic.alike(meaning, records, alone, engine)
    joined = kernels.components(records.count, pairs[:, 0], pairs[:, 1])
    found = near.grouped(joined[alone], alone, rank[alone])
    settled = semantic.repeats(found.members, pairs, similar)
    of, similarity = np.arange(records.count), np.ones(records.count)
    of[settled.rows], similarity[settled.rows] = settled.of, settled.similarity
    everyone = near.grouped(joined[standing], rows, rank[rows])
    stands = np.arange(records.count)
    stands[rows] = standing
    members = everyone.members
    repeated, alike = of[stands[members]], similarity[stands[members]]
    _note("semantic", over, everyone, repeated, alike, outcome)
    gone = members != repeated
    outcome.drop(
        members[gone],
        STAGE,
        f"semantic {over} < {meaning.threshold:g}",
        f"a record that says nearly the same in its {_WHAT[over]} stays ({keep})",
        value=alike[gone],
        threshold=meaning.threshold,
        of=repeated[gone],
    )


def _note(
    kind: str,
    over: Over,
    found: near.Clusters,
    of: np.ndarray,
    similarity: np.ndarray,
    outcome: Outcome,
) -> None:
    """Add clusters to what was seen."""
    if not len(found.members):
        return
    sizes = np.diff(found.begins)
    first = np.minimum.reduceat(found.members, found.begins[:-1])
    itself = found.members == of
    outcome.clusters.append(
        Cluster(
            kind,
            over.value,
            found.members,
            np.repeat(first, sizes),
            np.repeat(sizes, sizes),
            np.where(itself, -1, of),
            np.where(itself, np.nan, similarity),
            itself,
        )
    )


# ---- pairs of a prompt -------------------------------------------------------------------------


def _per_prompt(most: int, known: Known, rank: np.ndarray, outcome: Outcome) -> None:
    rows = np.flatnonzero(outcome.alive)
    found = near.grouped(_first_of(known.digests.prompt[rows]), rows, rank[rows])
    place = np.arange(len(found.members)) - np.repeat(found.begins[:-1], np.diff(found.begins))
    gone = place >= most
    outcome.drop(
        found.members[gone],
        STAGE,
        f"per_prompt <= {most}",
        "enough other records of its prompt stay",
        value=place[gone] + 1.0,
        threshold=float(most),
    )
