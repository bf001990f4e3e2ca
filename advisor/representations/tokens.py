"""Texts → ids of their tokens: what encoders of texts are trained on.

The argument is a backbone's name, perhaps with how texts are varied behind it: ``tokens:all_minilm_l6_v2+eda``. Nothing
is learned; columns beside the texts are left to the strategies that can use them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advisor.backbone import LOADERS, TextCard, TextLoader, as_card, find_backbone
from advisor.deadline import Deadline
from advisor.representation import REPRESENTATIONS, FeatureInfo, Features
from advisor.representations.embedding import BackboneRepresentation
from advisor.representations.items import ItemsRepresentation
from advisor.representations.views import views_of
from advisor.storage import read_json, write_json
from advisor.tables.columns import Column, texts_of
from advisor.tasks import Modality

ABSENT = -1
"""Stands behind the end of a text."""

TOKENISER, CARD = "tokeniser", "card.json"
"""Folder and file that a saved one has where no package brings the backbone."""

LONGEST = 512
"""Tokens of a text that are kept at most, whatever the backbone could read: what most encoders were trained with. Our
choice: the time and the memory of a step grow with it."""


@REPRESENTATIONS.add("tokens")
class TokensRepresentation(BackboneRepresentation):
    """One row of ids per text, or, where the argument names views, those of the text and of each view side by side."""

    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.TEXT})

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.judges = False
        """Whether rows are only predicted, as after :meth:`load`: their views are then left empty."""
        self.card: TextCard | None = None
        """Of a backbone whose tokeniser was saved; ``None`` to find it by its name."""
        self._deadline = Deadline(None)
        self._made: dict[tuple[str, str], str] = {}  # (view, text) -> the varied text

    @classmethod
    def learns_from(cls, columns: Sequence[Column]) -> bool:
        """No: columns beside the texts are not read."""
        return False

    def fit(self, X: pd.DataFrame, columns: Sequence[Column], seed: int) -> Self:
        """Find the columns of texts; UnreadableData is raised where there are none."""
        super().fit(X, columns, seed)
        self.beside = None
        return self

    def compute(self, items: Sequence[str], deadline: Deadline) -> NDArray[np.int32]:
        """Cut texts into tokens, and make their views where the argument asks for them.

        Parameters
        ----------
        items : sequence of str
            The texts.
        deadline : Deadline
            Looked at by what makes views.

        Returns
        -------
        ndarray of int32 of shape (n_items, n_views * longest)
            Ids, -1 behind the end of each text.
        """
        card = self.card or loader_of(self.backbone)[1]
        loader = cast(TextLoader, LOADERS[card.loader])
        longest = columns_of(card)
        blocks = [loader.tokens(card, items, longest)]
        for view in self._views()[1:]:
            if self.judges:
                blocks.append(np.full_like(blocks[0], ABSENT))
            else:
                varied = self._varied(loader, card, items, view, deadline)
                blocks.append(loader.tokens(card, varied, longest))
        return np.hstack(blocks).astype(np.int32, copy=False)

    def prepare(
        self, X: pd.DataFrame, deadline: Deadline, pool: pd.DataFrame | None = None
    ) -> None:
        """Make the views, which are kept for ``transform``; that raises DeadlineExceeded, too, from now on."""
        self._deadline = deadline
        if self.variant:
            self.compute(texts_of(X, self.columns), deadline)

    def transform(self, X: pd.DataFrame) -> Features:
        """Turn texts into ids.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Conforming rows.

        Returns
        -------
        Features
            int32; a row without a text holds the tokens of an empty one.

        Raises
        ------
        DeadlineExceeded
            When the deadline of :meth:`prepare` passes while views are made; one that only predicts has none.
        """
        values = self.compute(texts_of(X, self.columns), self._deadline)
        return Features(values, FeatureInfo(names=self.names()))

    def save(self, folder: Path) -> None:
        """Write the state, and the tokeniser of a backbone that no package brings.

        Not its weights: networks that were trained from them are complete without.
        """
        ItemsRepresentation.save(self, folder)
        loader, card = loader_of(self.backbone)
        if not card.weights.startswith("package:"):
            (folder / TOKENISER).mkdir()
            loader.keep_tokeniser(card, folder / TOKENISER)
            told = card.model_copy(update={"weights": ""})  # no path of this machine
            write_json(folder / CARD, told.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what was saved; the views of texts are left empty from now on: predictions have no use for them."""
        made = super(BackboneRepresentation, cls).load(folder)
        made.judges = True
        if (folder / CARD).is_file():
            place = {"weights": f"file:{(folder / TOKENISER).resolve()}"}
            card = TextCard.model_validate(read_json(folder / CARD))
            made.card = card.model_copy(update=place)
        return made

    def names(self) -> tuple[str, ...]:
        """Name the blocks: a name for every column would say no more."""
        return self._views()

    def _varied(
        self,
        loader: TextLoader,
        card: TextCard,
        items: Sequence[str],
        view: str,
        deadline: Deadline,
    ) -> list[str]:
        """One view of each text, made once."""
        left = [text for text in dict.fromkeys(items) if (view, text) not in self._made]
        if left:
            made = loader.varied(card, left, view, deadline)
            self._made.update(((view, text), new) for text, new in zip(left, made, strict=True))
        return [self._made[view, text] for text in items]

    def _views(self) -> tuple[str, ...]:
        return views_of(Modality.TEXT, self.variant) if self.variant else ("plain",)


def loader_of(backbone: str) -> tuple[TextLoader, TextCard]:
    """Find what cuts texts into the tokens of a backbone; InvalidRequest is raised if it is not one for texts."""
    card = as_card(find_backbone(backbone), TextCard)
    return cast(TextLoader, LOADERS[card.loader]), card


def columns_of(card: TextCard) -> int:
    """Say how many columns the ids of one text take: as many tokens as the backbone reads, 512 at most."""
    return min(card.longest, LONGEST)
