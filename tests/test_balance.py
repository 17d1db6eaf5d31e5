"""Shortcuts are found and measured, and balancing takes one away."""

import json
import random

import numpy as np
import pytest

from curate.balance import MOST, BalanceHow, surplus, weights
from curate.shortcuts import MODEL, of_labels, within_pairs, worth
from tests.helpers import (
    assert_arithmetic,
    curate,
    done,
    dropped_rows,
    hashes,
    kept_rows,
    manifest,
    parquet,
    trl,
    write_jsonl,
)


def biased(count=60):
    """Pairs of which three in four have the longer answer chosen."""
    random.seed(3)
    rows = []
    for number in range(count):
        short, long = random.randint(3, 9), random.randint(10, 40)
        answers = ["word " * long, "word " * short]
        if number % 4 == 0:
            answers.reverse()
        chosen, rejected = (f"{text}{number} {side}" for side, text in enumerate(answers))
        rows.append(trl(number, chosen=chosen, rejected=rejected))
    return rows


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    place = tmp_path_factory.mktemp("balance")
    write_jsonl(place / "rows.jsonl", biased())
    done(curate("filter", place / "rows.jsonl", "-o", place / "out", "--preset", "none"))
    return place / "out"


def auc(folder, name):
    found = json.loads(done(curate("shortcuts", folder, "--json")).out)
    return {one["name"]: one for one in found}[name]


def test_the_auc_within_pairs_counts_who_has_more_and_ties_as_half():
    found = within_pairs("x", np.array([2.0, 3, 1, 5, np.nan]), np.array([1.0, 1, 1, 9, 1]))
    assert (found.auc, found.pairs, found.ties) == (0.625, 4, 1)
    assert found.low < 0.625 < found.high
    assert within_pairs("x", np.array([np.nan]), np.array([1.0])) is None


def test_the_auc_of_labels_is_the_share_of_couples_in_their_right_order():
    rng = np.random.default_rng(5)
    values, label = rng.integers(0, 9, 80).astype(float), rng.random(80) < 0.4
    couples = [(a > b) + (a == b) / 2 for a in values[label] for b in values[~label]]
    found = of_labels("x", values, label)
    assert found.auc == pytest.approx(sum(couples) / len(couples))
    assert found.low < found.auc < found.high
    assert of_labels("x", values, np.ones(80, bool)) is None


def test_length_is_found_as_a_shortcut_and_comes_first(measured):
    found = auc(measured, "words")
    assert found["auc"] == 0.75
    assert found["low"] < 0.75 < found["high"]
    text = done(curate("shortcuts", measured)).out.splitlines()
    assert text[1].split()[0] in ("chars", "words", "short_lines")


LEAVING_OUT = [BalanceHow.MATCHING, BalanceHow.SAMPLING]


@pytest.mark.parametrize("how", LEAVING_OUT)
def test_after_balancing_the_signal_tells_nothing(measured, tmp_path, how):
    out = tmp_path / "out"
    shown = done(curate("balance", measured, "-o", out, "--on", "words", "--how", how)).out
    assert auc(out, "words")["auc"] == 0.5
    assert "AUC before" in shown
    assert_arithmetic(out)
    stage = manifest(out)["stages"][-1]
    assert stage["dropped"] == {f"balance words ({how})": 60 - len(kept_rows(out))}
    assert len(kept_rows(out)) == 30 if how is BalanceHow.SAMPLING else len(kept_rows(out)) <= 30


def test_matching_leaves_no_difference_in_how_large_the_differences_are():
    rng = np.random.default_rng(1)
    chosen, rejected = rng.integers(1, 400, 3000) * 2.0, rng.integers(1, 300, 3000) * 1.0
    out = surplus(chosen, rejected, rng.permutation(3000).astype(np.uint64), BalanceHow.MATCHING)
    ratio = np.log2((chosen + 1) / (rejected + 1))[~out]
    assert np.histogram(ratio[ratio > 0], 5, (0, 5))[0] == pytest.approx(
        np.histogram(-ratio[ratio < 0], 5, (0, 5))[0], abs=1
    )
    assert (ratio > 0).sum() == (ratio < 0).sum()


def test_which_pairs_stay_does_not_depend_on_their_order():
    rng = np.random.default_rng(2)
    chosen, rejected = rng.random(200), rng.random(200) * 0.5
    order, turn = rng.permutation(200).astype(np.uint64), rng.permutation(200)
    for how in LEAVING_OUT:
        out = surplus(chosen, rejected, order, how)
        turned = surplus(chosen[turn], rejected[turn], order[turn], how)
        assert (turned == out[turn]).all()


def test_weights_bring_the_auc_to_a_half_and_none_is_above_the_most():
    rng = np.random.default_rng(4)
    chosen, rejected = rng.integers(1, 400, 3000) * 2.0, rng.integers(1, 300, 3000) * 1.0
    chosen[::100] = np.nan
    found = weights(chosen, rejected)
    assert within_pairs("x", chosen, rejected).auc > 0.7
    assert within_pairs("x", chosen, rejected, found).auc == pytest.approx(0.5)
    assert found.min() >= 0
    assert found.max() == MOST
    assert (found[::100] == 1).all()


def test_pairs_of_a_like_difference_weigh_as_much_on_either_side():
    chosen = np.array([8.0, 8, 8, 2, 2, 64, 5])
    rejected = np.array([2.0, 2, 2, 8, 64, 2, 5])
    assert weights(chosen, rejected) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2, 1, 1, 1])


def test_pairs_that_no_other_pair_makes_up_for_weigh_nothing():
    assert weights(np.array([9.0, 9, 3]), np.array([1.0, 1, 3])).tolist() == [0, 0, 1]


def test_weighed_pairs_are_worth_as_many_as_kish_says():
    assert worth(np.array([1.0, 1, 1, 1])) == 4
    assert worth(np.array([2.0, 0])) == 1
    assert worth(np.array([3.0, 1])) == pytest.approx(1.6)


@pytest.fixture(scope="module")
def weighed(measured):
    out = measured.parent / "weighed"
    told = done(curate("balance", measured, "-o", out, "--on", "words", "--how", "weighting"))
    return out, told.out


def weight_by_id(folder):
    found = [one for path in (folder / "signals").glob("train-*") for one in parquet(path)]
    return {one["id"]: one["weight"] for one in found}


def test_weighting_leaves_nothing_out_and_the_weighted_auc_is_a_half(measured, weighed):
    out, told = weighed
    assert len(kept_rows(out)) == len(kept_rows(measured)) == 60
    assert_arithmetic(out)
    assert manifest(out)["stages"][-1]["dropped"] == {}
    assert auc(out, "words")["auc"] == 0.75
    found = json.loads(done(curate("shortcuts", out, "--weighted", "--json")).out)
    assert next(one for one in found if one["name"] == "words")["auc"] == pytest.approx(0.5)
    words = next(line for line in told.splitlines() if line.startswith("words "))
    assert words.split()[:3] == ["words", "0.750", "0.500"]
    assert "60 pairs, none left out, weigh" in told
    assert "`train METHOD --weighted` draws its rows by them" in told


def test_the_report_of_a_weighed_folder_shows_what_the_pairs_themselves_say(weighed):
    told = json.loads(done(curate("report", weighed[0], "--json")).out)
    assert next(one for one in told["shortcuts"] if one["name"] == "words")["auc"] == 0.75


def test_later_folders_carry_the_weights_of_the_records_that_they_keep(weighed, tmp_path):
    before = weight_by_id(weighed[0])
    assert len(before) == 60
    assert None not in before.values()
    done(curate("split", weighed[0], "-o", tmp_path / "split", "--test", "0.3"))
    rules = ("--preset", "none", "--rule", "chosen_words >= 12")
    done(curate("filter", tmp_path / "split", "-o", tmp_path / "out", *rules))
    after = weight_by_id(tmp_path / "out")
    assert 0 < len(after) < 60
    assert after == {name: before[name] for name in after}


def test_a_pair_can_be_dropped_for_its_weight_and_says_so(weighed, tmp_path):
    rules = ("--preset", "none", "--rule", "weight > 0")
    done(curate("filter", weighed[0], "-o", tmp_path / "out", *rules))
    idle = {name for name, weight in weight_by_id(weighed[0]).items() if weight == 0}
    gone = dropped_rows(tmp_path / "out")
    assert {one["id"] for one in gone} == idle
    assert idle
    assert gone[0]["reason"] == "the pair counts as only 0 pairs (kept where weight > 0)"


def test_weights_are_the_same_whatever_the_workers(measured, weighed, tmp_path):
    said = ("--on", "words", "--how", "weighting", "--workers", "2")
    done(curate("balance", measured, "-o", tmp_path / "two", *said))
    assert hashes(tmp_path / "two") == hashes(weighed[0])


def test_a_trainers_files_have_no_weights_and_that_is_said(weighed, tmp_path):
    told = done(curate("export", weighed[0], "--to", tmp_path / "files", "--as", "trl")).out
    assert "left out, for want of a place: the pairs' weights" in told


def test_a_folder_without_weights_can_neither_be_judged_nor_shown_by_them(measured, tmp_path):
    ended = curate("filter", measured, "-o", tmp_path / "out", "--rule", "weight > 0")
    assert ended.code == 2
    assert "weight is made by no text: `curate balance DIR" in ended.sentence
    ended = curate("shortcuts", measured, "--weighted")
    assert ended.code == 2
    assert "has no weights; `curate balance" in ended.sentence


def test_the_model_that_wrote_an_answer_is_a_shortcut_too(tmp_path):
    models = [("big", "small") if number % 5 else ("small", "big") for number in range(80)]
    rows = [
        trl(number, chosen_model=one, rejected_model=other)
        for number, (one, other) in enumerate(models)
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    done(curate("filter", tmp_path / "rows.jsonl", "-o", tmp_path / "out", "--preset", "none"))
    assert auc(tmp_path / "out", MODEL)["auc"] == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(
    ("on", "sentence"),
    [
        ("wrods", "'wrods' is not a signal that both answers have; did you mean 'words'?"),
        ("length_ratio", "'length_ratio' is not a signal that both answers have"),
    ],
)
def test_only_what_both_answers_have_can_be_balanced(measured, tmp_path, on, sentence):
    ended = curate("balance", measured, "-o", tmp_path / "out", "--on", on)
    assert ended.code == 2
    assert sentence in ended.sentence


def test_a_folder_without_measures_has_no_shortcuts_to_show(small_run):
    ended = curate("shortcuts", small_run)
    assert ended.code == 2
    assert "has no measures; `curate filter" in ended.sentence
