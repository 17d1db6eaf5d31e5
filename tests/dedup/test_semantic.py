"""Records that say the same in other words: found by their vectors, and nothing else taken."""

from __future__ import annotations

import numpy as np
import pytest

import curate
from curate.dedup import semantic
from schemas.errors import UsageError
from tests.helpers import (
    assert_arithmetic,
    dropped_rows,
    hashes,
    kept_rows,
    manifest,
    parquet,
    write_jsonl,
)
from tests.helpers import curate as command

pytest.importorskip("model2vec")

MEANINGS = [
    "big large huge", "cat kitten", "sat rested", "rug mat carpet", "dog hound", "barked howled",
    "loudly noisily", "night", "where who", "is was", "the a", "it", "never", "no",
]  # fmt: skip
"""Words that mean the same share a vector; the words of a person's own judgement."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from model2vec import StaticModel
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = {"[UNK]": 0, "[PAD]": 1}
    vectors = [np.zeros(len(MEANINGS)), np.zeros(len(MEANINGS))]
    for place, same in enumerate(MEANINGS):
        for word in same.split():
            words[word] = len(words)
            vectors.append(np.eye(len(MEANINGS))[place])
    inner = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    folder = tmp_path_factory.mktemp("model") / "static"
    made = StaticModel(np.array(vectors, np.float32), inner, normalize=True)
    made.save_pretrained(str(folder))
    return folder


def row(prompt, chosen, rejected):
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


ROWS = [
    row("Where is the cat?", "The big cat sat on the rug.", "No dog barked."),
    row("Who was the kitten?", "A huge kitten rested on a carpet.", "No hound howled."),
    row("Where is the cat?", "No dog barked.", "The big cat sat on the rug."),
    row("Where is the dog?", "The dog barked loudly at night.", "It is never big."),
    row("Where is the cat?", "The big cat sat on the rug.", "It never sat."),
    row("Where is the cat?", "The big cat sat on the rug.", "No dog barked."),
]
SAME_MEANING, SWAPPED, OTHER, OTHER_REJECTED, COPY = range(1, 6)


def run(rows, model, place, **more):
    source = write_jsonl(place / "rows.jsonl", rows)
    said = {"semantic": 0.95, "model": model and str(model), **more}
    recipe = {"sources": [{"path": str(source)}], "filter": {"preset": None}, "dedup": said}
    return curate.run(recipe, place / "out")


def test_the_same_in_other_words_goes_and_says_which_record_it_repeats(model, tmp_path):
    data = run(ROWS, model, tmp_path)
    assert_arithmetic(data.path)
    first = next(one for one in kept_rows(data.path) if one["source_row"] == 0)
    gone = {one["source_row"]: one for one in dropped_rows(data.path)}
    assert set(gone) == {SAME_MEANING, COPY}
    one = gone[SAME_MEANING]
    assert (one["stage"], one["rule"], one["duplicate_of"]) == (
        "dedup",
        "semantic pair < 0.95",
        first["id"],
    )
    assert one["value"] == 1
    assert one["reason"].startswith("a record that says nearly the same in its prompt and answers")


def test_a_swapped_pair_and_one_with_another_answer_stay(model, tmp_path):
    kept = {one["source_row"] for one in kept_rows(run(ROWS, model, tmp_path).path)}
    assert {SWAPPED, OTHER, OTHER_REJECTED} <= kept


def test_clusters_are_kept_as_data(model, tmp_path):
    data = run(ROWS, model, tmp_path)
    rows = [one for path in (data.path / "clusters").iterdir() for one in parquet(path)]
    mine = [one for one in rows if one["kind"] == "semantic"]
    assert [one["size"] for one in mine] == [3, 3, 3]
    assert sum(one["kept"] for one in mine) == 1


def test_prompts_alone_can_be_compared(model, tmp_path):
    kept = kept_rows(run(ROWS, model, tmp_path, over=["prompt"]).path)
    assert [one["source_row"] for one in kept] == [0, OTHER]


def test_blocks_and_workers_do_not_change_what_is_found(model, tmp_path, monkeypatch):
    rows = [row(f"{n} {ROWS[n % 5]['prompt']}", *list(ROWS[n % 5].values())[1:]) for n in range(20)]
    one = run(rows, model, tmp_path)
    monkeypatch.setattr(semantic, "BLOCK", 3)
    monkeypatch.setattr(semantic, "_BATCH", 2)
    source = tmp_path / "rows.jsonl"
    recipe = {
        "sources": [{"path": str(source)}],
        "filter": {"preset": None},
        "dedup": {"semantic": 0.95, "model": str(model)},
    }
    assert hashes(curate.run(recipe, tmp_path / "two").path) == hashes(one.path)
    assert hashes(curate.run(recipe, tmp_path / "three", workers=2).path) == hashes(one.path)


def test_blocks_find_what_all_pairs_by_hand_have(tmp_path):
    drawn = np.random.default_rng(1)
    vectors = drawn.normal(size=(50, 2, 8)).astype(np.float32)
    vectors[10:20] = vectors[:10] + 0.1 * drawn.normal(size=(10, 2, 8))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    np.save(tmp_path / "v.npy", vectors)
    task = semantic.CompareTask(str(tmp_path / "v.npy"), 0, 0, 0.9, str(tmp_path / "out.npz"))
    with np.load(semantic.compare(task)) as saved:
        found = {tuple(pair) for pair in saved["arr_0"].tolist()}
    both = np.einsum("isd,jsd->ijs", vectors, vectors).min(axis=2)
    assert found == {(i, j) for i in range(50) for j in range(i + 1, 50) if both[i, j] >= 0.9}
    assert found


def test_who_goes_is_alike_to_one_that_stays_not_to_a_chain(tmp_path):
    pairs, similar = np.array([[0, 1], [1, 2], [2, 3]]), np.array([0.97, 0.96, 0.99])
    found = semantic.repeats(np.array([0, 1, 2, 3]), pairs, similar)
    assert found.of.tolist() == [0, 0, 2, 2]


def test_the_manifest_names_the_model_by_its_content(model, tmp_path):
    said = run(ROWS, model, tmp_path).manifest.versions["embeddings"]
    assert said.startswith("sha256:")
    assert "(model2vec " in said


def test_a_model_that_is_not_said_or_is_none_is_one_sentence(model, tmp_path):
    with pytest.raises(UsageError, match="needs a 'model' for semantic duplicates"):
        run(ROWS, None, tmp_path)
    with pytest.raises(UsageError, match="is not a folder; give one with an embedding model"):
        run(ROWS, tmp_path / "nowhere", tmp_path)
    with pytest.raises(UsageError, match="holds no embedding model of model2vec or sentence-tr"):
        run(ROWS, tmp_path, tmp_path)


def test_the_command_takes_a_model(model, tmp_path):
    source = write_jsonl(tmp_path / "rows.jsonl", ROWS)
    told = command("dedup", source, "-o", tmp_path / "out", "--semantic", "0.95", "--model", model)
    assert told.code == 0, told.err
    assert "semantic pair < 0.95" in told.out


@pytest.fixture(scope="module")
def sentence_model(tmp_path_factory):
    """A sentence-transformers model: one layer with weights from a fixed seed, and mean pooling."""
    pytest.importorskip("sentence_transformers")
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    from tests.models.making import CONTEXT, WORDS, save_tokenizer

    inner = tmp_path_factory.mktemp("sentences") / "inner"
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=3 + len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=CONTEXT,
    )
    BertModel(config).save_pretrained(inner)
    save_tokenizer(inner)
    folder = inner.with_name("model")
    layers = [Transformer(str(inner)), Pooling(16)]
    SentenceTransformer(modules=layers, device="cpu").save_pretrained(str(folder))
    return folder


@pytest.mark.slow
def test_a_model_of_sentence_transformers_finds_what_differs_by_a_word(sentence_model, tmp_path):
    rows = [
        row("what is a cat", "the cat sat on a mat", "it ran away"),
        row("what is a cat", "the cat sat on a mat", "it ran away !"),
        row("what is a mat", "good", "the cat then ran from your mat"),
    ]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    said = (source, "--semantic", "0.95", "--model", sentence_model)
    told = command("dedup", *said, "-o", tmp_path / "one")
    assert told.code == 0, told.err
    (gone,) = dropped_rows(tmp_path / "one")
    assert (gone["source_row"], gone["rule"]) == (1, "semantic pair < 0.95")
    assert 0.95 <= gone["value"] < 1
    assert "(sentence-transformers " in manifest(tmp_path / "one")["versions"]["embeddings"]
    assert command("dedup", *said, "-o", tmp_path / "two", "--workers", "2").code == 0
    assert hashes(tmp_path / "two") == hashes(tmp_path / "one")
