"""The texts themselves: what gives the label away, what is cut off, and in which language they are."""

from __future__ import annotations

from advisor.errors import quoted
from advisor.finding import Finding, note, warn
from advisor.profile import TextProfile
from advisor.rule import rule

TELLING_SHARE = 0.4
"""Share of the texts that hold a telling word from which it is a leak of the whole problem; our choice, below the half
of two classes of which only one is marked."""

CUT_TOLD, CUT_WARNED = 0.02, 0.2
"""Share of texts longer than the encoder reads from which it is told, and warned of; our choice."""

STRANGE_SHARE = 0.1
"""Share of texts in languages that the encoder was not trained on from which it is warned of; our choice."""

SPREAD_SHARE = 0.05
"""Share of the second language from which texts count as of several languages; our choice."""

OTHER_SCRIPT = 0.1
"""Share of letters that are not Latin from which an encoder trained on English is doubted; our choice."""

NAMED_SHARE = 0.3
"""Share of texts that hold the name of their own class from which it is told; our choice."""

SHOWN = 5
"""Words, phrases and languages in one message; our choice, for the reader."""

MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""An encoder of 50 languages that is as small as the one of the house (Apache-2.0)."""


@rule(reference="our choice: what a network of ours reads")
def columns_beside_texts(profile: TextProfile) -> Finding | None:
    """Columns of the table beside the texts.

    What: counts them. Why: TF-IDF, frozen embeddings and their blend learn from both; fine-tuned encoders read the text
    alone, so where the columns tell much they are behind for a reason that has nothing to do with fine-tuning.
    """
    if not profile.other_columns:
        return None
    return note(
        f"{len(profile.other_columns)} columns stand beside the texts ({quoted(profile.other_columns, SHOWN)}): TF-IDF "
        "and heads on frozen embeddings learn from both, fine-tuned encoders from the texts alone.",
        n_columns=len(profile.other_columns),
    )


@rule(
    reference="Kaufman et al. 2012, Leakage in data mining, ACM TKDD 6(4); the bounds are our choice"
)
def telling_words(profile: TextProfile) -> Finding | None:
    """Words whose presence gives a class away by itself.

    What: measures the AUC of every word and pair of words for every class, on classes of at least 15 texts (or of five,
    where half of all texts are told). Why: a label that was written into the text, a signature or a template of one
    source makes any score perfect here and worthless in use. A single class named by its topic word is harmless.
    """
    if not profile.telling:
        return None
    told = ", ".join(f"'{one.columns[0]}' ({one.label})" for one in profile.telling[:SHOWN])
    more = f" and {len(profile.telling) - SHOWN} more" if len(profile.telling) > SHOWN else ""
    if profile.telling_share < TELLING_SHARE:
        return note(
            f"Words that give a class away by themselves: {told}{more}, in {profile.telling_share:.0%} of the texts. "
            "Fine if they are what the class is about; if they are a template or a source, remove them.",
            telling_share=profile.telling_share,
        )
    return warn(
        f"The label is in the text: {told}{more} give it away by themselves (AUC {profile.telling[0].score:.2f}), in "
        f"{profile.telling_share:.0%} of the texts. Unless they are there in use, too, remove them, or the score is "
        "worthless.",
        telling_share=profile.telling_share,
        score=profile.telling[0].score,
    )


@rule(reference="our choice: named whenever most texts share a phrase of three words or more")
def boilerplate_phrases(profile: TextProfile) -> Finding | None:
    """Phrases that half of the texts share.

    What: looks for runs of three to eight words that half of the sampled texts hold. Why: signatures, disclaimers and
    templates make texts look alike to an encoder, take room in its window, and hide copies.
    """
    if not profile.boilerplate:
        return None
    return note(
        f"Half of the texts or more share {quoted(profile.boilerplate, SHOWN)}: if that is a template or a signature, "
        "texts without it are easier to tell apart and to compare.",
        n_phrases=len(profile.boilerplate),
    )


@rule(reference="our choice: told from three texts in ten")
def label_names_in_texts(profile: TextProfile) -> Finding | None:
    """Many texts hold the name of their own class.

    What: looks for the class's name, as words, in each text. Why: word counts then do as well as any encoder; if labels
    were made by searching for the word, the model learns the search and nothing else.
    """
    if profile.label_named < NAMED_SHARE:
        return None
    return note(
        f"{profile.label_named:.0%} of the texts hold the name of their own class: if labels were made by "
        "searching for it, a model learns the search; else word counts are a strong start.",
        label_named=profile.label_named,
    )


@rule(reference="our choice: an empty text says nothing, whatever its label")
def empty_texts(profile: TextProfile) -> Finding | None:
    """Labelled rows without any text.

    What: counts rows whose text is empty or white space. Why: they all look the same, whatever their label; a model can
    only learn which class is empty most often.
    """
    if profile.n_empty == 0:
        return None
    rows = (
        "1 labelled row has" if profile.n_empty == 1 else f"{profile.n_empty:,} labelled rows have"
    )
    return warn(
        f"{rows} no text: remove {'it' if profile.n_empty == 1 else 'them'}, or find out where the text was lost.",
        n_empty=profile.n_empty,
    )


@rule(reference="the encoder's card: tokens that it reads; the bounds are our choice")
def longer_than_the_window(profile: TextProfile) -> Finding | None:
    """Texts longer than the encoder reads.

    What: cuts a sample into the best encoder's tokens and counts those beyond its window. Why: what is behind is not
    read; where the class is told at the end, that is lost. Word counts read everything.
    """
    if not profile.backbones or profile.share_cut < CUT_TOLD:
        return None
    tell = warn if profile.share_cut >= CUT_WARNED else note
    return tell(
        f"{profile.share_cut:.0%} of the texts are longer than the {profile.longest} tokens that "
        f"{profile.backbones[0]} reads (median {profile.tokens[1]:.0f}, longest {profile.tokens[2]:,} or more): "
        "the rest is cut off. If what matters stands at the end, shorten the texts or name an encoder with a "
        "longer window; word counts and their blend read everything.",
        share_cut=profile.share_cut,
        longest=profile.longest,
    )


@rule(reference="the encoder's card: languages of its training; the bounds are our choice")
def language_unknown_to_encoder(profile: TextProfile) -> Finding | None:
    """Texts in languages that the best encoder was not trained on.

    What: tells the languages of a sample and compares them with those on the encoder's card; where none can be told, it
    looks at the script. Why: an encoder of English takes other languages apart into pieces that mean nothing to it;
    word counts do not care.
    """
    known = profile.encoder_languages
    if not known or not profile.backbones:
        return None
    strange = {code: share for code, share in profile.languages.items() if code not in known}
    share = sum(strange.values())
    if not profile.languages and profile.share_other_script >= OTHER_SCRIPT and known == ("en",):
        share, strange = profile.share_other_script, {"another script": share}
    if share < STRANGE_SHARE:
        return None
    told = ", ".join(list(strange)[:SHOWN])
    told += f" and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
    return warn(
        f"{share:.0%} of the texts are in {told}, which {profile.backbones[0]} was not trained on "
        f"(it knows {', '.join(known[:SHOWN])}): name a multilingual encoder, for example --backbone "
        f"{MULTILINGUAL}; word counts work in any language.",
        share=share,
        n_languages=len(strange),
    )


@rule(reference="our choice: told from one text in twenty")
def several_languages(profile: TextProfile) -> Finding | None:
    """Texts in more than one language, whether or not the encoder knows them.

    What: tells the languages of a sample. Why: word counts share nothing across languages, and a class that is mostly
    in one language is told by the language; an encoder of several languages bridges them.
    """
    codes = [code for code, share in profile.languages.items() if share >= SPREAD_SHARE]
    if len(codes) < 2:
        return None
    told = ", ".join(f"{code} {profile.languages[code]:.0%}" for code in codes[:SHOWN])
    told += f" and {len(codes) - SHOWN} more" if len(codes) > SHOWN else ""
    return note(
        f"The texts are in several languages ({told}): check that classes are not told by the language alone, and "
        "prefer an encoder of all of them; word counts share nothing across languages.",
        n_languages=len(codes),
    )
