"""Small-label curves on texts, at 8 to 256 labels per class.

python benchmarks/text.py --data DIR --seeds 3 --seconds 120 --report
"""

from __future__ import annotations

from curves import Campaign, run

CAMPAIGN = Campaign(
    script="text",
    modality="text",
    title="Texts, small-label curves",
    items="texts",
    by_hand="TF-IDF of words and pairs of words and a logistic regression, written by hand with scikit-learn",
    strategies=(
        "tfidf",
        "linear_probe",
        "tfidf_blend",
        "linear_probe_views",
        "contrastive",
        "lp_finetune",
        "full_finetune",
    ),
    labels=(8, 16, 64, 256),
)

if __name__ == "__main__":
    run(CAMPAIGN)
