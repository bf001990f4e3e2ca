"""Small-label curves on pictures, at 5 to 100 labels per class.

python benchmarks/images.py --data DIR --seeds 3 --seconds 180 --report
"""

from __future__ import annotations

from curves import Campaign, run

CAMPAIGN = Campaign(
    script="images",
    modality="image",
    title="Pictures, small-label curves",
    items="pictures",
    by_hand="scikit-learn's logistic regression with its defaults on the same frozen features, written by hand",
    strategies=(
        "handmade",
        "linear_probe",
        "linear_probe_views",
        "partial_finetune",
        "lp_finetune",
        "full_finetune",
        "from_scratch",
    ),
    labels=(5, 10, 25, 50, 100),
)

if __name__ == "__main__":
    run(CAMPAIGN)
