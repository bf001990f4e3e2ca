"""Conforming rows → numbers: one file per representation."""
