"""Benchmarks: speed and skill as ratios to public reference implementations in the same run."""
