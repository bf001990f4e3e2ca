"""Recordings as files and samples: finding out what they hold, decoding, and features made by hand."""
