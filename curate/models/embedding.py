"""Texts as vectors, by a local model of model2vec or sentence-transformers.

Each text goes through by itself, so that its vector depends neither on its neighbours nor on
shards or workers. Vectors have length 1; that of an empty text is 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from curate.models.chosen import folder_identity
from schemas.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

_STATIC: Final = "model2vec"
_SENTENCES: Final = "sentence-transformers"

Embed = Callable[[list[str]], "np.ndarray"]
"""From n texts to n vectors (float32)."""


def identity(folder: str) -> str:
    """Return what tells a model from others: its content and the library that runs it.

    Raises UsageError for a folder without a model, or where its library is not installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    library = _library(folder)
    try:
        return f"{folder_identity(folder)} ({library} {version(library)})"
    except PackageNotFoundError:
        raise UsageError(
            f"{folder} is a model of {library}, which is not installed; "
            f"`pip install {library}` brings it"
        ) from None


@lru_cache(maxsize=1)
def embedder(folder: str) -> Embed:
    """Return what makes vectors by a folder's model. Raises UsageError as `identity` does."""
    identity(folder)
    try:
        return _static(folder) if _library(folder) == _STATIC else _sentences(folder)
    except Exception as error:
        said = str(error).strip().split("\n")[0].rstrip(".")
        raise UsageError(f"{folder} cannot be loaded as an embedding model ({said})") from error


def _library(folder: str) -> str:
    """Return which library a model's folder is of."""
    place = Path(folder)
    if not place.is_dir():
        raise UsageError(f"{folder} is not a folder; give one with an embedding model")
    if (place / "config_sentence_transformers.json").exists():
        return _SENTENCES
    try:
        about = json.loads((place / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        about = {}
    # Its configs say how vectors are made, and of no architecture.
    if isinstance(about, dict) and "normalize" in about and "architectures" not in about:
        return _STATIC
    raise UsageError(
        f"{folder} holds no embedding model of {_STATIC} or {_SENTENCES}; give such a folder"
    )


def _static(folder: str) -> Embed:
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder)

    def embed(texts: list[str]) -> np.ndarray:
        # Whole texts: what is cut off could not tell two of them apart.
        return _unit(model.encode(texts, max_length=None, use_multiprocessing=False), texts)

    return embed


def _sentences(folder: str) -> Embed:
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    from curate.models.local import quiet

    quiet()
    model = SentenceTransformer(
        folder,
        device="cpu",
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )

    def embed(texts: list[str]) -> np.ndarray:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums are in another order where several threads share them
        try:
            vectors = [model.encode([text], show_progress_bar=False)[0] for text in texts]
        finally:
            torch.set_num_threads(threads)
        return _unit(np.stack(vectors), texts)

    return embed


def _unit(vectors: np.ndarray, texts: list[str]) -> np.ndarray:
    """Return vectors of length 1, of length 0 for texts that say nothing."""
    import numpy as np

    vectors = np.asarray(vectors, np.float32)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    empty = np.array([not text.strip() for text in texts], bool).reshape(-1, 1)
    found: np.ndarray = np.where(empty | (length == 0), 0, vectors / np.maximum(length, 1e-12))
    return found.astype(np.float32)
