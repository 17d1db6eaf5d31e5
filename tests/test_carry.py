"""Clusters and hits of benchmarks stay with their records in the folders made of theirs."""

import json

import pytest

from tests.helpers import curate, done, dropped_rows, hashes, kept_rows, parquet, trl, write_jsonl

QUESTION = (
    "How many grams of plain flour does the old baker of Turin put into seven loaves of bread?"
)


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    """A folder with an exact copy, and a prompt that is a benchmark's question."""
    place = tmp_path_factory.mktemp("carry")
    rows = [trl(n, chosen=f"word number {n} of a plain answer") for n in range(30)]
    rows += [rows[0], {**rows[1], "prompt": [{"role": "user", "content": QUESTION}]}]
    write_jsonl(place / "rows.jsonl", rows)
    write_jsonl(place / "asked.jsonl", [{"question": QUESTION}])
    done(curate("dedup", place / "rows.jsonl", "-o", place / "dedup"))
    benchmark = ("--benchmark", place / "asked.jsonl")
    done(curate("decontaminate", place / "dedup", "-o", place / "out", *benchmark))
    return place


def rows_of(folder, kind):
    return [one for path in sorted((folder / kind).glob("*.parquet")) for one in parquet(path)]


def test_a_later_look_of_another_kind_carries_the_clusters(looked):
    before, after = rows_of(looked / "dedup", "clusters"), rows_of(looked / "out", "clusters")
    assert len(before) == 2
    assert after == before
    assert len(rows_of(looked / "out", "contamination")) >= 1


def test_filtered_and_split_folders_carry_both_with_the_splits_of_now(looked, tmp_path):
    rules = ("--preset", "none", "--rule", "chosen_words >= 1")
    done(curate("filter", looked / "out", "-o", tmp_path / "one", *rules))
    done(curate("split", tmp_path / "one", "-o", tmp_path / "two", "--test", "0.9"))
    hits = rows_of(looked / "out", "contamination")
    assert rows_of(tmp_path / "two", "contamination") == hits
    now = {
        one["id"]: path.name.split("-")[0]
        for path in (tmp_path / "two" / "data").glob("*.parquet")
        for one in parquet(path)
    }
    carried = rows_of(tmp_path / "two", "clusters")
    assert [one["id"] for one in carried] == [
        one["id"] for one in rows_of(looked / "out", "clusters")
    ]
    assert [one["split"] for one in carried] == [now.get(one["id"]) for one in carried]
    assert {one["id"] for one in carried} & {one["id"] for one in dropped_rows(tmp_path / "two")}
    listed = json.loads((tmp_path / "two" / "curation" / "manifest.json").read_text())["files"]
    assert {"clusters", "contamination"} <= {name.split("/")[0] for name in listed}


def test_the_report_of_a_later_folder_still_shows_the_clusters(looked, tmp_path):
    done(curate("filter", looked / "out", "-o", tmp_path / "one", "--preset", "none"))
    told = json.loads(done(curate("report", tmp_path / "one", "--json")).out)
    assert [one["kind"] for one in told["clusters"]] == ["exact"]


def test_a_new_look_for_duplicates_takes_the_place_of_the_earlier_one(looked, tmp_path):
    done(curate("dedup", looked / "out", "-o", tmp_path / "one"))
    assert rows_of(tmp_path / "one", "clusters") == []
    assert rows_of(tmp_path / "one", "contamination") == rows_of(looked / "out", "contamination")


def test_redacted_folders_do_not_carry_the_spans_of_texts_as_they_were(looked, tmp_path):
    done(
        curate(
            "filter",
            looked / "out",
            "-o",
            tmp_path / "one",
            "--preset",
            "none",
            "--redact",
            "emails",
        )
    )
    assert rows_of(tmp_path / "one", "contamination") == []
    assert len(rows_of(tmp_path / "one", "clusters")) == 2


def test_two_folders_of_one_ancestor_bring_each_row_once(looked, tmp_path):
    for name, rule in (("one", "chosen_words >= 1"), ("two", "chosen_words >= 2")):
        rules = ("--preset", "none", "--rule", rule)
        done(curate("filter", looked / "out", "-o", tmp_path / name, *rules))
    done(curate("import", tmp_path / "one", tmp_path / "two", "-o", tmp_path / "both"))
    clusters = rows_of(tmp_path / "both", "clusters")
    assert len(clusters) == len({(one["cluster"], one["id"]) for one in clusters}) == 2
    assert kept_rows(tmp_path / "both")


def test_what_is_carried_does_not_depend_on_the_workers(looked, tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        said = ("--test", "0.5", "--workers", workers)
        done(curate("split", looked / "out", "-o", tmp_path / name, *said))
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
