"""Word counts, a frozen encoder, contrastive or full fine-tuning: by labels, and by what the encoder knows already.

What a probe measures here overrules all of it. Topics are what sentence encoders were trained to tell apart, so a head
suffices; sentiments, tones and fine intents are not, so training the encoder pays. Which of the two it is, is measured
when the profile is made.
"""

from __future__ import annotations

from advisor.dataset import Task
from advisor.evidence import effects_of
from advisor.finding import Finding, note
from advisor.profile import TextProfile
from advisor.rule import rule, skill, told_labels, told_skill

FEW_SHOT_BELOW = 16
"""Labels of the smallest class below which full fine-tuning is not expected to pay: the end of the few-shot regime."""

MANY_FROM = 100
"""Labels of the smallest class from which full fine-tuning is expected to be level with contrastive fine-tuning or
ahead: where the scarce regime ends."""

KNOWN_FROM = 0.8
"""Separability over that of guessing from which frozen embeddings are said to know the classes, as for pictures. Our
choice: spam, where contrastive fine-tuning gained nothing, is at 0.8 (90 % of two classes)."""

POOL_FROM = 50
"""Texts of the pool from which it can be adapted to: where the regimes with a pool begin; our choice."""

SEEDS_TOLD = 3
"""Seeds that full fine-tuning needs on few labels: a standard deviation of 2 to 17 points between draws (same source);
the number is our choice."""

SETFIT = "github.com/huggingface/setfit, final_results: 5 sets, 2 to 64 labels per class, 10 draws"

WORDS = ("own_words_8", "own_words_16", "own_words_256")
FULL = ("t1_finetune_8", "t1_finetune_16", "t1_finetune_64")
CONTRASTIVE = (
    "t1_contrastive_8",
    "t1_contrastive_16",
    "t1_contrastive_32",
    "t1_contrastive_64",
    "t1_contrastive_100",
)


def _is_known(profile: TextProfile) -> bool:
    known = skill(profile)
    return known is not None and known >= KNOWN_FROM


def _told_unknown(profile: TextProfile) -> str:
    """How many labels there are, and that frozen embeddings do not tell the classes, or the values, apart."""
    known = skill(profile)
    how = "only in part" if known is None or known > 0 else "no better than guessing"
    return (
        f"{told_labels(profile)}, which frozen embeddings tell apart {how} ({told_skill(profile)})"
    )


def _told_encoder(profile: TextProfile) -> str:
    """The encoder that contrastive fine-tuning is about, and that the evidence is of another kind where it is."""
    if profile.backbones[0] in profile.base_models:
        return f"the encoder (measured with sentence encoders, which {profile.backbones[0]} is not)"
    return "the sentence encoder"


@rule(reference=SETFIT)
def frozen_suffices_for_topics(profile: TextProfile) -> Finding | None:
    """Frozen embeddings already tell the classes apart, as they do with most topics: a head suffices.

    What: a ridge head on frozen embeddings predicts each sampled text from the others; from four fifths of the way from
    guessing to always right the classes count as known. Why: on such a set (spam) a head on frozen embeddings had 90.4
    and contrastive fine-tuning 90.1 % at 8 labels per class; on news topics full fine-tuning drew level at 16.
    """
    if not profile.backbones or not _is_known(profile):
        return None
    names = (*WORDS, "t1_known_finetune") if profile.label_scarcity < MANY_FROM else WORDS
    return note(
        f"Frozen embeddings already tell these classes apart ({told_skill(profile)}), as is usual with topics: a "
        "head on them is expected to do as well as fine-tuning, in seconds.",
        effects=effects_of(names, profile.label_scarcity),
        skill=skill(profile) or 0.0,
        label_scarcity=profile.label_scarcity,
    )


@rule(reference=SETFIT)
def contrastive_for_few_texts(profile: TextProfile) -> Finding | None:
    """Fewer than 16 labels in the smallest class, and frozen embeddings do not tell the classes apart.

    What: counts labels of the smallest class and asks the frozen embeddings. Why: at 8 per class contrastive
    fine-tuning of a sentence encoder (SetFit's recipe) had 60.8, a head on frozen embeddings 51.0 and full fine-tuning
    42 %. Of a regression there are no pairs of one class, so the head comes first.
    """
    if not profile.backbones or _is_known(profile) or profile.label_scarcity >= FEW_SHOT_BELOW:
        return None
    if profile.task is Task.REGRESSION:
        order = (
            "a head on them is expected to lead fine-tuning at once (by 9 points at 8 labels per class; measured on "
            "classes)"
        )
    else:
        order = (
            f"contrastive fine-tuning of {_told_encoder(profile)} is expected to lead, a head on frozen embeddings to "
            "follow, fine-tuning at once to come last (10 and 18 points behind at 8 per class)"
        )
    return note(
        f"{_told_unknown(profile)}: {order}.",
        effects=effects_of((*FULL, *CONTRASTIVE, *WORDS), profile.label_scarcity),
        label_scarcity=profile.label_scarcity,
    )


@rule(reference=SETFIT)
def contrastive_for_scarce_texts(profile: TextProfile) -> Finding | None:
    """16 to 99 labels in the smallest class, and frozen embeddings do not tell the classes apart.

    What: as for fewer labels. Why: contrastive fine-tuning is still ahead of full fine-tuning by 14, 9 and 5.5 points
    at 16, 32 and 64 per class, and both are ahead of frozen embeddings at 64.
    """
    if not profile.backbones or _is_known(profile):
        return None
    if not FEW_SHOT_BELOW <= profile.label_scarcity < MANY_FROM:
        return None
    if profile.task is Task.REGRESSION:
        order = (
            "training the encoder begins to pay (level with a head at 16 labels per class, 7 points ahead at 64; "
            "measured on classes)"
        )
    else:
        order = (
            f"training {_told_encoder(profile)} pays, contrastively first (14 to 5.5 points ahead of full fine-tuning "
            "at 16 to 64 per class)"
        )
    return note(
        f"{_told_unknown(profile)}, as is usual with sentiments, tones and fine distinctions: {order}.",
        effects=effects_of((*FULL, *CONTRASTIVE, *WORDS), profile.label_scarcity),
        skill=skill(profile) or 0.0,
        label_scarcity=profile.label_scarcity,
    )


@rule(reference=SETFIT + "; Pecher et al. 2024, arXiv 2402.12819")
def finetune_many_texts(profile: TextProfile) -> Finding | None:
    """100 labels per class or more, and frozen embeddings do not tell the classes apart: fine-tune.

    What: counts labels of the smallest class and asks the frozen embeddings. Why: full fine-tuning is 7 points ahead of
    frozen embeddings at 64 per class, and the lead of contrastive fine-tuning over it, carried on, ends between 100 and
    300. Draws and seeds still differ by up to 17 points, so one run says little.
    """
    if not profile.backbones or _is_known(profile) or profile.label_scarcity < MANY_FROM:
        return None
    return note(
        f"{_told_unknown(profile)}: fine-tuning the encoder is expected to be ahead; average {SEEDS_TOLD} seeds or "
        "more, since one may be off by many points.",
        effects=effects_of((*FULL, *CONTRASTIVE, *WORDS), profile.label_scarcity),
        skill=skill(profile) or 0.0,
        label_scarcity=profile.label_scarcity,
    )


@rule(reference="our measurement: TREC and film reviews (rows own_words_16 and own_words_256)")
def word_counts_catch_up(profile: TextProfile) -> Finding | None:
    """A thousand labels per class or more: word counts with a linear model are a serious floor.

    What: counts labels of the smallest class. Why: the distance of word counts to frozen embeddings was 19 points at 64
    per class on questions and 3 at 256; they cost milliseconds and read the whole text, so whatever takes hours has to
    beat them by more than chance.
    """
    if profile.label_scarcity < 1_000:
        return None
    return note(
        f"With {told_labels(profile)}, word counts and a linear model are a serious "
        "floor (3 points behind frozen embeddings at 256 per class, shrinking): whatever takes hours has to beat them.",
        label_scarcity=profile.label_scarcity,
    )


@rule(reference="AdaSent 2023, arXiv 2311.00408 (17 sets)")
def adapt_the_base_model(profile: TextProfile) -> Finding | None:
    """A base language model and a pool: adapt the model to the pool before fine-tuning it.

    What: looks whether one of the usable encoders embeds no sentences by itself, and counts the pool. Why: training a
    base model on masked words of the pool gained up to 8.4 points with few labels.
    """
    if not profile.base_models or profile.n_unlabelled < POOL_FROM:
        return None
    return note(
        f"A base language model ({profile.base_models[0]}) and {profile.n_unlabelled:,} unlabelled texts are there: "
        "adapting it to them before fine-tuning gained up to 8.4 points with few labels.",
        effects=effects_of(("dapt_base_model",), profile.label_scarcity),
        n_unlabelled=profile.n_unlabelled,
    )


@rule(
    reference="AdaSent 2023, arXiv 2311.00408: it destroys what the sentence encoder was trained for"
)
def no_adapting_of_sentence_encoders(profile: TextProfile) -> Finding | None:
    """A pool, and only sentence encoders: none of them is adapted to masked words of it.

    What: looks whether any usable encoder is a base language model, and counts the pool. Why: predicting masked words
    undoes what makes a sentence encoder one; adapt a base model instead.
    """
    if profile.base_models or not profile.backbones or profile.n_unlabelled < POOL_FROM:
        return None
    return note(
        f"{profile.n_unlabelled:,} unlabelled texts could adapt a base language model (--backbone roberta-base) before "
        f"it is fine-tuned; {profile.backbones[0]} embeds sentences, which predicting masked words would undo.",
        n_unlabelled=profile.n_unlabelled,
    )
