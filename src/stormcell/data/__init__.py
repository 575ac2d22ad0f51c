"""Radar data in: files of any supported format to labelled frames (`read`), and a storm of our own making (`synthetic`)."""
