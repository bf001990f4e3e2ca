"""Small-label curves on recordings, at 5 to 40 labels per class.

python benchmarks/audio.py --data DIR --seeds 3 --seconds 120 --report
"""

from __future__ import annotations

from curves import Campaign, run

CAMPAIGN = Campaign(
    script="audio",
    modality="audio",
    title="Recordings, small-label curves",
    items="recordings",
    by_hand="mean and standard deviation of 20 MFCCs and a support vector machine, written by hand with librosa and "
    "scikit-learn",
    strategies=(
        "handmade",
        "linear_probe",
        "linear_probe_views",
        "partial_finetune",
        "lp_finetune",
        "full_finetune",
        "from_scratch",
    ),
    labels=(5, 10, 20, 40),
)

if __name__ == "__main__":
    run(CAMPAIGN)
