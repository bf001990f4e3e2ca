"""Recipes: one file per strategy."""
