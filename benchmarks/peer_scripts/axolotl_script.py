"""Exact duplicates with Axolotl's own step (it has no others): arguments IN.jsonl OUT.json."""

import json
import sys

from axolotl.utils.data.utils import deduplicate_and_log_datasets
from datasets import Dataset

with open(sys.argv[1], encoding="utf-8") as file:
    rows = [json.loads(line) for line in file]
texts = Dataset.from_list([{"text": row["text"]} for row in rows])
seen: set[str] = set()
taken = []
for place, row in enumerate(rows):
    if row["text"] in seen:
        taken.append(place)
    seen.add(row["text"])
kept, _ = deduplicate_and_log_datasets(texts)
if len(kept) != len(rows) - len(taken):
    sys.exit("it left other rows than those of different texts")
with open(sys.argv[2], "w") as file:
    json.dump(taken, file)
