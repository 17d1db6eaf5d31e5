"""A model2vec model of the texts' own words, so that semhash runs offline: MODEL IN.jsonl ...

A word is a random direction, weighed down by how often it comes (Arora et al. 2017, "A simple but
tough-to-beat baseline for sentence embeddings", with model2vec's own coefficient of 1e-4). So two
texts are near where they share rare words; of meanings it knows nothing, and what semhash finds by
it says how fast semhash is, not how good.
"""

import json
import re
import sys
from collections import Counter

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

WIDTH, COEFFICIENT = 256, 1e-4

folder, *sources = sys.argv[1:]
counts: Counter[str] = Counter()
for source in sources:
    with open(source, encoding="utf-8") as file:
        for line in file:
            counts.update(re.findall(r"\w+", json.loads(line)["text"].lower()))
words = {"[UNK]": 0, "[PAD]": 1} | {word: place for place, word in enumerate(sorted(counts), 2)}
share = np.array([0, 0, *(counts[word] for word in sorted(counts))]) / counts.total()
vectors = np.random.default_rng(0).normal(size=(len(words), WIDTH))
vectors *= (COEFFICIENT / (COEFFICIENT + share))[:, None]
vectors[:2] = 0
tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
tokenizer.normalizer = normalizers.Lowercase()
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
StaticModel(vectors.astype(np.float32), tokenizer, normalize=True).save_pretrained(folder)
