"""Ways to learn from pictures without labels: one file each, all of them from the losses and heads of lightly."""
