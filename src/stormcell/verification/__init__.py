"""Scores for rain: sums that add up over cases, days and machines, and values from the sums."""
