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
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from advisor.backbone import TextCard
from advisor.backbones.engines.checkpoints import read_checkpoint, write_checkpoint
from advisor.cache import default_cache
from advisor.cores import usable_cores
from advisor.deadline import Deadline
from advisor.errors import DeadlineExceeded, InvalidRequest
from advisor.storage import write_json
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

LARGEST_GRADIENT = 1.0
"""Norm to which gradients are clipped; a common choice, and ours."""

LOOKS = 20
"""Evaluations on the held-out texts, and checkpoints, if all steps are taken; our choice."""

PATIENCE = 3
"""Evaluations without improvement after which training stops; our choice."""

RECIPE = 1
"""Number of the way models are adapted; a change of the code that changes weights raises it."""

STATE, REPORT = "state.safetensors", "adapted.json"
"""The checkpoint of an adaptation under way; what is told of one that is done."""


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


@dataclass
class Progress:
    """Where an adaptation stands; kept in its checkpoint."""

    step: int = 0
    steps: int = 0
    waited: int = 0
    """Evaluations since the best one."""
    losses: list[float] = field(default_factory=list)
    """On the held-out texts: before the first step, then at every evaluation."""

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.step >= self.steps or self.waited >= PATIENCE


Told = Callable[[Progress], None]


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
        Called with a :class:`Progress` after every evaluation.

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
    with torch.random.fork_rng(devices=[]):
        threads = torch.get_num_threads()
        torch.set_num_threads(usable_cores())
        try:
            run = _Adapting(folder, place.with_name(f"{place.name}.part"), unique, settings, seed)
            run.go_on(deadline, tell)
        finally:
            torch.set_num_threads(threads)
    run.finish(place, card.name)
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


class _Adapting:
    """One adaptation: the model, its texts as tokens, and how far it has come."""

    def __init__(
        self, folder: Path, part: Path, texts: Sequence[str], settings: AdaptSettings, seed: int
    ) -> None:
        transformers = require_cured("transformers", extra="text")
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self.part, self.settings, self.seed = part, settings, seed
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        if self.tokenizer.mask_token_id is None:
            raise InvalidRequest(
                f"expected a model trained on masked words, got '{folder.name}', whose tokeniser has no mask; pass a "
                "BERT or RoBERTa with --backbone"
            )
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(seed)  # of a head that the folder does not hold
        self.model = transformers.AutoModelForMaskedLM.from_pretrained(
            folder, local_files_only=True
        ).to(self.device)
        self.named: dict[str, nn.Parameter] = dict(self.model.named_parameters())
        self.optimiser = torch.optim.AdamW(
            self.named.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
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
        self.best: dict[str, Tensor] = {}

    def go_on(self, deadline: Deadline, tell: Told | None) -> None:
        """Train from the last checkpoint to the end, or to the deadline."""
        self._restore()
        look = max(1, self.progress.steps // LOOKS)
        if not self.progress.losses:
            self._look(tell)
        while not self.progress.over:
            if deadline.passed():
                self._keep()
                raise DeadlineExceeded(
                    f"adapting the language model was stopped at step {self.progress.step} of at most "
                    f"{self.progress.steps}; it goes on from there the next time"
                )
            self._step()
            if self.progress.step % look == 0 or self.progress.step == self.progress.steps:
                self._look(tell)
                self._keep()

    def finish(self, place: Path, name: str) -> None:
        """Write the best model into place, and forget the checkpoint."""
        with torch.no_grad():
            for parameter, value in ((self.named[n], v) for n, v in self.best.items()):
                parameter.copy_(value)
        draft = self.part / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        self.model.save_pretrained(draft)
        self.tokenizer.save_pretrained(draft)
        told: dict[str, object] = {"model": name}
        told |= {"texts": len(self.ids), "held_out": len(self.held)}
        told |= asdict(self.progress) | {"settings": asdict(self.settings)}
        write_json(draft / REPORT, told)
        try:
            draft.rename(place)
        except OSError:
            if not (
                place / REPORT
            ).is_file():  # else another process was first, with the same result
                raise
        shutil.rmtree(self.part, ignore_errors=True)

    def _step(self) -> None:
        s, step = self.settings, self.progress.step
        rising = max(1, round(WARM_UP * self.progress.steps))
        falling = (self.progress.steps - step) / max(1, self.progress.steps - rising)
        for group in self.optimiser.param_groups:
            group["lr"] = s.learning_rate * min(1.0, (step + 1) / rising, falling)
        # Seeded by the step, so that a run that was interrupted draws what one in a piece would have drawn.
        torch.manual_seed((self.seed * 1_000_003 + step) % 2**63)
        self.model.train()
        loss = self._loss(self._rows(step), torch.Generator().manual_seed(self.seed + 7919 * step))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.named.values(), LARGEST_GRADIENT)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.progress.step += 1

    def _rows(self, step: int) -> list[int]:
        """The texts of a step: those of a pass in a random order, pass after pass."""
        first, n = step * self.settings.batch, len(self.kept)
        rows: list[int] = []
        for place in range(first, first + min(self.settings.batch, n)):
            if not rows or place % n == 0:
                order = np.random.default_rng((self.seed, place // n)).permutation(n)
            rows.append(int(self.kept[order[place % n]]))
        return rows

    def _loss(self, rows: Sequence[int], draw: torch.Generator) -> Tensor:
        """Mean cross-entropy of the tokens that were hidden."""
        batch, wanted = self._masked(rows, draw)
        attention = (batch != self.tokenizer.pad_token_id).long()
        gpu = self.device.type == "cuda"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=gpu):
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

    def _look(self, tell: Told | None) -> None:
        """Judge by the held-out texts, always with the same tokens hidden, and keep the best."""
        self.model.eval()
        draw, total = torch.Generator().manual_seed(self.seed), 0.0
        with torch.inference_mode():
            for start in range(0, len(self.held), self.settings.batch):
                rows = self.held[start : start + self.settings.batch].tolist()
                total += float(self._loss(rows, draw)) * len(rows)
        loss = total / len(self.held)
        p = self.progress
        if not p.losses or loss < min(p.losses):
            p.waited = 0
            self.best = {name: v.detach().clone() for name, v in self.named.items()}
        else:
            p.waited += 1
        p.losses.append(loss)
        if tell is not None:
            tell(p)

    def _keep(self) -> None:
        """Write a checkpoint."""
        told = asdict(self.progress)
        write_checkpoint(self.part / STATE, self.named, self.optimiser, self.best, told)

    def _restore(self) -> None:
        """Go back to the last checkpoint, if there is one that can be read; else begin anew."""
        found = read_checkpoint(self.part / STATE, self.named, self.optimiser)
        if found is not None:
            self.best, told = found
            self.progress = Progress(**told)
