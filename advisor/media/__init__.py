"""Folders of files of any kind that one looks at or listens to: which are labelled with what."""
