"""The report: what it tells is so, and no text of a dataset does anything in it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from curate.api import run
from curate.report.facts import facts
from curate.report.page import page, report
from curate.signals import registry
from schemas.layout import open_folder
from tests.browser import chromium
from tests.helpers import ROOT, curate, done, hashes, trl, write_jsonl

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]

HOSTILE = [
    "]]>{{ script }}{{ facts }}\u2028\u2029",
    "<script>document.title = 'owned'</script>",
    "</script><script>document.title = 'owned'</script>",
    "<!--<script>",
    '<img src="x" onerror="document.title = \'owned\'">',
    "<style>main { display: none !important }</style>",
    "</style></title><base href='https://example.invalid/'>",
    "<a href=\"javascript:document.title = 'owned'\">a link</a>",
    "<iframe srcdoc=\"<script>parent.document.title = 'owned'</script>\"></iframe>",
]


MAPPED = ("prompt", "chosen", "rejected", "chosen_model", "rejected_model", "language")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, curated by its recipe."""
    out = tmp_path_factory.mktemp("report") / "sample"
    done(curate("run", ROOT / "data" / "recipe.yaml", "-o", out))
    return out


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in which every text and name tries to get out of the page."""
    folder = tmp_path_factory.mktemp("hostile")
    rows: list[Any] = [
        trl(number, prompt=f"{number} {text}", chosen=f"{text} good {number}", rejected=text)
        for number, text in enumerate(HOSTILE)
    ]
    rows += ["not JSON </script><script>document.title = 'owned'</script>", trl(50, rejected="")]
    source = write_jsonl(folder / "in.jsonl", rows)
    out = folder / "<img src=x onerror=alert(1)>"
    name = ("--name", "<script>document.title = 'owned'</script>")
    done(curate("import", source, "-o", folder / "imported", *name))
    done(curate("filter", folder / "imported", "-o", out, "--rule", "chosen_words > 2"))
    return out


@pytest.fixture(scope="module")
def across(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hostile texts as duplicates, as conflicts, as hits of a benchmark, and as names."""
    folder = tmp_path_factory.mktemp("across")
    rows: list[Any] = []
    for number, text in enumerate(HOSTILE):
        prompt = f"{text} is what the {number} users of the old forum wrote there, every day"
        long = f"{text} and then some more words of the answer {number} that stand in both of them"
        said = {"prompt": f"Number {number}: {long}", "chosen": long, "rejected": f"{text} no"}
        names = {"chosen_model": text, "rejected_model": f"{text} 2", "language": text}
        rows += [
            {**said, **names},
            {**said, "chosen": f"{long} too"},  # near
            trl(number, prompt=prompt, chosen=long, rejected=text),  # of the benchmark
            trl(number, prompt=f"{number} or", chosen=f"{text} one", rejected=f"{text} two"),
            trl(number, prompt=f"{number} or", chosen=f"{text} two", rejected=f"{text} one"),
        ]
    rows += [trl(number + 100) for number in range(20)]
    write_jsonl(folder / "in.jsonl", rows)
    asked = [{"question": rows[5 * number + 2]["prompt"]} for number in range(len(HOSTILE))]
    write_jsonl(folder / "<b>mine<b>.jsonl", asked)
    recipe = {
        "sources": [{"path": str(folder / "in.jsonl"), "map": {name: name for name in MAPPED}}],
        "filter": {"preset": None, "signals": ["lengths"]},
        "dedup": {"near": 0.5, "over": ["pair"], "conflicts": "drop"},
        "decontaminate": {"mode": "gpt3-13", "benchmarks": [str(folder / "<b>mine<b>.jsonl")]},
    }
    run(recipe, folder / "out")
    return folder / "out"


def told(folder: Path) -> dict[str, Any]:
    opened = open_folder(folder)
    return facts(opened, opened.manifest)


# ---- what it tells -----------------------------------------------------------------------------


def test_the_figures_are_those_of_the_manifest(sample: Path) -> None:
    manifest, found = open_folder(sample).manifest, told(sample)
    assert (found["kept"], found["dropped"], found["refused"]) == (
        manifest.kept,
        manifest.dropped,
        manifest.refused,
    )
    assert found["rows"] == found["kept"] + found["dropped"] + found["refused"] == 400


def test_each_source_adds_up(sample: Path) -> None:
    for one in told(sample)["sources"]:
        assert one["rows"] == one["kept"] + one["dropped"] + one["refused"], one["name"]


def test_the_bars_of_a_measure_count_every_record_that_was_measured(sample: Path) -> None:
    found = told(sample)
    measured = found["stages"][-1]["entered"]
    for chart in found["charts"]:
        assert len(chart["edges"]) == len(chart["bars"][0]["kept"]) + 1
        for bar in chart["bars"]:
            assert sum(bar["kept"]) + sum(bar["dropped"]) + bar["missing"] == measured


def test_bars_of_whole_numbers_hold_as_many_of_them_each(sample: Path) -> None:
    wholes = [one for one in told(sample)["charts"] if registry()[one["bars"][0]["signal"]].whole]
    assert {"words", "chars", "turns"} <= {one["title"] for one in wholes}
    for chart in wholes:
        widths = [high - low for low, high in pairwise(chart["edges"])]
        assert all(width == int(width) for width in widths), chart["title"]
        assert chart["powers"] or len(set(widths)) == 1, chart["title"]


def test_thresholds_can_be_moved_over_every_record_of_a_small_dataset(sample: Path) -> None:
    found = told(sample)
    assert found["sample"]["of"] == found["sample"]["rows"] == 368
    ratios = found["sample"]["values"]["length_ratio"]
    assert sum(value > 50 for value in ratios) == 2


def test_every_reason_has_rows_to_read(sample: Path) -> None:
    manifest, found = open_folder(sample).manifest, told(sample)
    taken = {
        (stage.stage, reason)
        for stage in manifest.stages
        for reason in (*stage.dropped, *stage.refused)
    }
    assert {(one["stage"], one["rule"]) for one in found["reasons"]} == taken
    assert all(1 <= len(one["examples"]) <= 8 for one in found["reasons"])


def test_a_folder_without_measures_has_a_report_too(small_run: Path) -> None:
    found = told(small_run)
    assert found["charts"] == []
    assert found["kept"] == 20


def test_a_run_writes_the_report_that_the_command_would(sample: Path, tmp_path: Path) -> None:
    done(curate("report", sample, "-o", tmp_path / "again.html"))
    written = (sample / "curation" / "report.html").read_bytes()
    assert (tmp_path / "again.html").read_bytes() == written
    opened = open_folder(sample)
    assert report(opened, opened.manifest).encode() == written


def test_the_command_changes_nothing_and_says_where_the_page_is(sample: Path) -> None:
    before = hashes(sample)
    said = done(curate("report", sample)).out
    assert str(sample / "curation" / "report.html") in said
    assert "length_ratio <= 50" in said
    assert hashes(sample) == before
    assert json.loads(done(curate("report", sample, "--json")).out)["kept"] == 358


def test_duplicates_are_shown_beside_what_they_repeat_and_conflicts_by_their_sides(
    across: Path,
) -> None:
    kinds = {one["kind"]: one for one in told(across)["clusters"]}
    near, conflict = kinds["near"], kinds["conflict"]
    assert (near["clusters"], near["records"], near["gone"]) == (9, 18, 9)
    first, second = near["examples"][0]["members"]
    assert second["of"] == first["id"]
    assert second["similarity"] == near["least"] < 1
    assert second["record"]["chosen"][0]["content"].endswith(" too")
    assert (conflict["records"], conflict["gone"]) == (18, 18)
    one, other = conflict["examples"][0]["members"]
    assert one["record"]["chosen"] == other["record"]["rejected"]


def test_a_hit_has_its_span_marked_where_it_stands(across: Path) -> None:
    found = told(across)["contamination"]
    (benchmark,) = found["benchmarks"]
    assert benchmark["records"] == benchmark["questions"] == benchmark["sides"]["prompt"] == 9
    for one in found["examples"]:
        marked = [text for text, inside in one["pieces"] if inside]
        assert len(marked) == 1
        assert marked[0].endswith("users of the old forum wrote there, every day")


def test_the_shortcuts_are_those_that_the_command_tells(across: Path) -> None:
    said = {one["name"]: one for one in json.loads(done(curate("shortcuts", across, "--json")).out)}
    found = told(across)["shortcuts"]
    assert found
    for one in found:
        assert one["auc"] == pytest.approx(said[one["name"]]["auc"], abs=1e-3)
        assert one["about"].endswith((".", "answer"))


def test_the_terminal_tells_of_shortcuts_duplicates_and_benchmarks(across: Path) -> None:
    said = done(curate("report", across)).out
    for words in ("shortcut", "near, by pair", "conflict, by prompt", "<b>mine<b>", "9 in prompt"):
        assert words in said


# ---- nothing in it acts -------------------------------------------------------------------------


def test_the_block_of_facts_cannot_be_ended_from_inside(hostile: Path) -> None:
    text = page(told(hostile))
    assert text.count("</script>") == text.count("<script") == 2
    block = re.search(r'<script type="application/json" id="facts">(.*?)</script>', text, re.S)
    assert block is not None
    assert "<" not in block[1]
    assert json.loads(block[1])["sources"][0]["name"].startswith("<script>")


@contextmanager
def watched(browser: Browser, folder: Path, width: int, scheme: Scheme) -> Iterator[Page]:
    """The report of a folder in a tab, in which nothing may happen that the report does not do."""
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    problems: list[str] = []
    asked: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("dialog", lambda dialog: problems.append(dialog.message))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((folder / "curation" / "report.html").resolve().as_uri())
    tab.wait_for_selector("h2")
    yield tab
    assert tab.title() == open_folder(folder).manifest.name
    made = "article img, article a, article b b, table a, iframe, base, main script, main style"
    assert tab.locator(made).count() == 0
    assert tab.locator("main").is_visible()
    assert problems == []
    assert len(asked) == 1, "the page asked for something"
    wide = tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    tab.close()


def read_through(tab: Page, name: str) -> str:
    """All that a section shows, page by page."""
    part = tab.locator(f"#{name}")
    read = [part.inner_text()]
    for heap in range(part.locator("select option").count()):
        part.locator("select").select_option(index=heap)
        read.append(part.locator("article").inner_text())
        while part.get_by_role("button", name="Next").is_enabled():
            part.get_by_role("button", name="Next").click()
            read.append(part.locator("article").inner_text())
    return "\n".join(read)


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_hostile_text_is_read_and_does_nothing_in_a_real_browser(
    hostile: Path, width: int, scheme: Scheme
) -> None:
    with chromium() as browser, watched(browser, hostile, width, scheme) as tab:
        read = read_through(tab, "rows")
        assert all(text in read for text in HOSTILE[1:8])


@pytest.mark.parametrize(("width", "scheme"), [(1200, "dark"), (390, "light")])
def test_hostile_text_does_nothing_as_duplicate_conflict_hit_or_name(
    across: Path, width: int, scheme: Scheme
) -> None:
    with chromium() as browser, watched(browser, across, width, scheme) as tab:
        shown = {
            "duplicates": read_through(tab, "duplicates"),
            "benchmarks": read_through(tab, "benchmarks"),
            "chosen_model": read_through(tab, "chosen_model"),
            "language": read_through(tab, "language"),
            "shortcuts": read_through(tab, "shortcuts"),
        }
        for name in ("chosen_model", "language"):
            assert sum(text in shown[name] for text in HOSTILE[1:]) == len(HOSTILE[1:]), name
        for name in ("duplicates", "benchmarks"):
            assert sum(text in shown[name] for text in HOSTILE) >= 3, name
        assert "<b>mine<b>" in shown["benchmarks"]
        assert "A over B" in shown["duplicates"]
        assert tab.locator("#benchmarks mark").count() == 1
        assert tab.locator("#duplicates .differs").count() > 0


def test_moving_a_threshold_moves_the_counts(sample: Path) -> None:
    with chromium() as browser:
        tab = browser.new_page()
        tab.goto((sample / "curation" / "report.html").resolve().as_uri())
        assert "358 of 368 records would be kept" in tab.inner_text("main")
        slider = tab.get_by_label("length_ratio <= 50")
        slider.evaluate("one => { one.value = 0; one.dispatchEvent(new Event('input')); }")
        kept = re.search(r"(\d+) of 368 records would be kept", tab.inner_text("main"))
        assert kept is not None
        ratios = told(sample)["sample"]["values"]["length_ratio"]
        assert int(kept[1]) <= sum(value == min(ratios) for value in ratios)


def test_what_people_said_is_shown_with_who_says_a_too_often(tmp_path: Path) -> None:
    sums = [trl(number, prompt=f"What is {number} plus one?") for number in range(40)]
    pairs, asked = tmp_path / "pairs", tmp_path / "ask.csv"
    done(curate("import", write_jsonl(tmp_path / "sums.jsonl", sums), "-o", pairs))
    done(curate("push", pairs, "--to", "csv", "--file", asked, "--rows", 40))
    with asked.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    filled = tmp_path / "filled.csv"
    with filled.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        for row in rows:
            right = "a" if "one more than" in row["answer_a"] else "b"
            writer.writerow({**row, "answer": right, "annotator": "anna"})
            writer.writerow({**row, "answer": right, "annotator": "carla"})
            writer.writerow({**row, "answer": "a", "annotator": "ben"})
    done(curate("pull", pairs, "--from", filled, "-o", tmp_path / "out"))
    assert told(tmp_path / "out")["people"]["asked"] == len(rows)
    with chromium() as browser, watched(browser, tmp_path / "out", 390, "light") as tab:
        section = tab.locator("#people")
        assert f"{len(rows)} records were put to people" in section.inner_text()
        assert "prefers what stands first: A in 100%" in section.inner_text()
        section.locator("summary").click()
        assert section.locator("figure").count() == 3
    assert told(pairs)["people"] is None
