"""Texts without labels → a language model that has read them: masked-language training goes on where it ended.

For base language models only. A sentence encoder is spoilt by it: what its second training taught, that close meanings
have close embeddings, is forgotten, while a base model of the same size gained up to 8.4 points with few labels [1]_.

What is learned depends on texts, weights, settings and seed alone, step by step, so training can stop anywhere and go
on from its last checkpoint, and is done once for the same pool.

References
----------
.. [1] Frohmann et al. (2023), AdaSent: efficient domain-adapted sentence embeddings, arXiv 2311.00408.
.. [2] Gururangan et al. (2020), Don't stop pretraining, ACL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advisor.adaptation import Progress, Told
from advisor.backbone import TextCard
from advisor.backbones.engines.adapting import (
    FULL_RATE,
    REPORT,
    Adapting,
    sole_adapter,
    undisturbed,
)
from advisor.cache import default_cache
from advisor.cores import usable_cores
from advisor.deadline import Deadline
from advisor.errors import InvalidRequest
from advisor.fabric import quiet_fabric
from advisor.torchvision_cure import require_cured

PLACE = "adapted language models"
"""Folder of the cache that holds what was adapted; listed and cleared as any of its spaces."""

FEWEST_TEXTS = 50
"""Different texts below which nothing is adapted; our choice: a tenth of fewer cannot say when to stop."""

HELD_OUT, MOST_HELD = 0.1, 500
"""Share of the texts, and how many at most, whose loss says when to stop; our choice."""

MASKED = 0.15
"""Share of the tokens that are to be guessed: BERT's."""

REPLACED, RANDOM = 0.8, 0.1
"""Of those, the shares that are hidden and that become another token; the rest is left as it is: BERT's."""

WARM_UP = 0.06
"""Share of the steps in which the learning rate rises; RoBERTa's."""

LOOKS = 20
"""Evaluations on the held-out texts, and checkpoints, if all steps are taken; our choice."""

RECIPE = 2
"""Number of the way models are adapted; a change of the code that changes weights raises it."""


@dataclass(frozen=True)
class AdaptSettings:
    """How a language model is adapted."""

    most_steps: int = 1000
    """Our choice; the held-out texts mostly end it earlier."""
    most_passes: int = 20
    """Over the texts; our choice: small pools are learned by heart after that."""
    batch: int = 32
    learning_rate: float = 5e-5
    """Common for a model that is trained further; Gururangan et al. (2020) used 1e-4 with batches of 256."""
    weight_decay: float = 0.01
    longest: int = 128
    """Tokens of a text that are read; our choice: time grows with it, and the words of a field stand early, too."""


def adapt(  # noqa: PLR0913 (keyword-only options)
    card: TextCard,
    folder: Path,
    fingerprint: str,
    texts: Sequence[str],
    deadline: Deadline,
    seed: int,
    *,
    settings: AdaptSettings | None = None,
    tell: Told | None = None,
    device: str = "",
) -> Path:
    """Go on training a base language model on texts, or find what that made before.

    Parameters
    ----------
    card : TextCard
        Of a model that was not trained to embed sentences.
    folder : Path
        Its weights, configuration and tokeniser, as ``transformers`` saves them.
    fingerprint : str
        SHA-256 of the weights.
    texts : sequence of str
        Of the pool; empty and repeated ones count once or not at all, and their order does not matter.
    deadline : Deadline
        Looked at before every step; what was learned by then is kept, so that another call goes on from there.
    seed : int
        Of the masks and of dropout; the global generator is left as it was.
    settings : AdaptSettings or None
        ``None`` for the usual ones.
    tell : callable or None
        Called with a :class:`~advisor.adaptation.Progress` after every step and evaluation.
    device : str
        ``cpu`` or ``cuda``; empty for a GPU where there is one.

    Returns
    -------
    Path
        Folder of the adapted model in the cache, in the same form; ``adapted.json`` in it says how it went.

    Raises
    ------
    InvalidRequest
        If the model is a sentence encoder, has no token for what is hidden, or there are too few texts.
    DeadlineExceeded
        When the deadline passes before the end.
    """
    settings = settings or AdaptSettings()
    unique = sorted({text for text in texts if text.strip()})
    _refuse(card, unique)
    place = default_cache().folder / PLACE / _digest(fingerprint, unique, settings, seed)
    if (place / REPORT).is_file():
        return place
    with sole_adapter(place, deadline):
        if (place / REPORT).is_file():  # made by another process meanwhile
            return place
        with undisturbed(usable_cores()):
            part = place.with_name(f"{place.name}.part")
            run = _Words(folder, part, unique, settings, seed, device)
            run.go_on(deadline, tell)
        run.name = card.name
        run.finish(place)
    return place


def _refuse(card: TextCard, texts: Sequence[str]) -> None:
    if card.sentence:
        raise InvalidRequest(
            f"expected a base language model to adapt to the pool, got the sentence encoder '{card.name}', whose "
            "embeddings masked-language training destroys (AdaSent, arXiv 2311.00408); pass a base model with "
            "--backbone, such as a BERT or RoBERTa"
        )
    if len(texts) < FEWEST_TEXTS:
        raise InvalidRequest(
            f"expected at least {FEWEST_TEXTS} different texts in the pool to adapt '{card.name}' to, "
            f"got {len(texts)}; fine-tune it as it is"
        )


def _digest(fingerprint: str, texts: Sequence[str], settings: AdaptSettings, seed: int) -> str:
    """Name a result by all that it depends on."""
    digest = hashlib.sha256(f"{fingerprint} {asdict(settings)} {seed} {RECIPE}".encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode("utf-8", "replace")).digest())
    return digest.hexdigest()[:16]


class _Words(Adapting):
    """One adaptation: the model, and its texts as tokens."""

    noun = "the language model"
    looks = LOOKS
    name = ""

    def __init__(
        self,
        folder: Path,
        part: Path,
        texts: Sequence[str],
        settings: AdaptSettings,
        seed: int,
        device: str = "",
    ) -> None:
        super().__init__(part, seed, settings.batch)
        transformers = require_cured("transformers", extra="text")
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self.settings = settings
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        if self.tokenizer.mask_token_id is None:
            raise InvalidRequest(
                f"expected a model trained on masked words, got '{folder.name}', whose tokeniser has no mask; pass a "
                "BERT or RoBERTa with --backbone"
            )
        self.fabric = quiet_fabric(device)
        self.device = self.fabric.device
        torch.manual_seed(seed)  # of a head that the folder does not hold
        # In full precision, whatever the folder holds: in half of it a step of AdamW divides by what has become zero.
        self.model = transformers.AutoModelForMaskedLM.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        ).to(self.device)
        self.named: dict[str, nn.Parameter] = dict(self.model.named_parameters())
        group = {"params": list(self.named.values()), FULL_RATE: settings.learning_rate}
        self.optimiser = torch.optim.AdamW(
            [group], lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        most = MOST_HELD + settings.most_steps * settings.batch
        if len(texts) > most:  # more of them would be cut into tokens and never read
            chosen = np.random.default_rng(seed).choice(len(texts), most, replace=False)
            texts = [texts[row] for row in np.sort(chosen)]
        longest = min(settings.longest, int(self.tokenizer.model_max_length))
        self.ids: list[list[int]] = self.tokenizer(
            list(texts), truncation=True, max_length=longest
        )["input_ids"]
        order = np.random.default_rng(seed).permutation(len(texts))
        n_held = min(MOST_HELD, max(1, int(HELD_OUT * len(texts))))
        self.held, self.kept = np.sort(order[:n_held]), np.sort(order[n_held:])
        per_pass = -(-len(self.kept) // settings.batch)
        steps = min(settings.most_steps, settings.most_passes * per_pass)
        self.progress = Progress(steps=steps)

    def rate(self, step: int) -> float:
        """Rise in a line, and fall in a line."""
        rising = max(1, round(WARM_UP * self.progress.steps))
        falling = (self.progress.steps - step) / max(1, self.progress.steps - rising)
        return min(1.0, (step + 1) / rising, falling)

    def loss(self, rows: Sequence[int], draw: torch.Generator) -> Tensor:
        """Mean cross-entropy of the tokens that were hidden."""
        self.model.train()
        return self._loss(rows, draw)

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the best model, its configuration and tokeniser."""
        self.put_best()
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        counts = {"texts": len(self.ids), "held_out": len(self.held)}
        return {"model": self.name, **counts, "settings": asdict(self.settings)}

    def _loss(self, rows: Sequence[int], draw: torch.Generator) -> Tensor:
        """Mean cross-entropy of the tokens that were hidden."""
        batch, wanted = self._masked(rows, draw)
        attention = (batch != self.tokenizer.pad_token_id).long()
        with self.fabric.autocast():
            answers = self.model(
                input_ids=batch.to(self.device), attention_mask=attention.to(self.device)
            ).logits
        asked = wanted.to(self.device)
        return nn.functional.cross_entropy(answers[asked >= 0].float(), asked[asked >= 0])

    def _masked(self, rows: Sequence[int], draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """Hide tokens of some texts: ids, and what stood there, -1 where nothing is asked; both (n, length)."""
        longest = max(len(self.ids[row]) for row in rows)
        batch = torch.full((len(rows), longest), int(self.tokenizer.pad_token_id))
        for i, row in enumerate(rows):
            batch[i, : len(self.ids[row])] = torch.tensor(self.ids[row])
        special = torch.tensor(sorted(self.tokenizer.all_special_ids))
        free = ~torch.isin(batch, special)
        chance = torch.rand(batch.shape, generator=draw).masked_fill(~free, 2.0)
        asked = chance < MASKED
        if not asked.any():
            asked = chance == chance.min()
        wanted = torch.where(asked, batch, -1)
        fate = torch.rand(batch.shape, generator=draw)
        batch[asked & (fate < REPLACED)] = int(self.tokenizer.mask_token_id)
        other = asked & (fate >= REPLACED) & (fate < REPLACED + RANDOM)
        words = torch.randint(len(self.tokenizer), batch.shape, generator=draw)
        return torch.where(other, words, batch), wanted

    def judge(self) -> None:
        """Judge by the held-out texts, always with the same tokens hidden, and keep the best."""
        self.model.eval()
        draw, total = torch.Generator().manual_seed(self.seed), 0.0
        with torch.inference_mode():
            for start in range(0, len(self.held), self.settings.batch):
                rows = self.held[start : start + self.settings.batch].tolist()
                total += float(self._loss(rows, draw)) * len(rows)
        loss = self.finite(total / len(self.held))
        p = self.progress
        if not p.losses or loss < min(p.losses):
            p.waited = 0
            self.best = {name: v.detach().clone() for name, v in self.named.items()}
        else:
            p.waited += 1
        p.losses.append(loss)
