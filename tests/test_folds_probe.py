"""The probe on folds: its ridge chooses a penalty by rows, or blocks of rows, that were left out."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from advisor.folds_probe import PENALTIES, _ridge

RNG = np.random.default_rng(0)
WHO = np.repeat(np.arange(8), 5)
OF_EACH = RNG.normal(size=(8, 20))
"""What each of eight speakers sounds like."""

X = OF_EACH[WHO] + 0.1 * RNG.normal(size=(40, 20))
X /= np.linalg.norm(X, axis=1, keepdims=True)
Y = np.column_stack([RNG.normal(size=8)[WHO], X[:, 0]]) + 0.1 * RNG.normal(size=(40, 2))
Y = (Y - Y.mean(axis=0)) / Y.std(axis=0)
OTHERS = RNG.normal(size=(6, 20))


def test_rows_that_stand_alone_are_left_out_one_by_one() -> None:
    """The predictions are those of scikit-learn's ridge that does so."""
    expected = RidgeCV(alphas=PENALTIES).fit(X, Y).predict(OTHERS)
    assert np.allclose(_ridge(X, Y, OTHERS), expected)


def test_the_penalty_is_chosen_on_blocks_that_were_left_out() -> None:
    """It is another one than rows alone would choose, where a speaker tells what is asked."""
    errors = [
        np.mean((cross_val_predict(Ridge(a), X, Y, groups=WHO, cv=LeaveOneGroupOut()) - Y) ** 2)
        for a in PENALTIES
    ]
    chosen = PENALTIES[int(np.argmin(errors))]
    assert chosen > RidgeCV(alphas=PENALTIES).fit(X, Y).alpha_
    assert np.allclose(_ridge(X, Y, OTHERS, WHO), Ridge(chosen).fit(X, Y).predict(OTHERS))
