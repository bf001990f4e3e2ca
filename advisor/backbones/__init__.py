"""Pretrained backbones: one card (TOML) each, and one loader per library that runs them."""
