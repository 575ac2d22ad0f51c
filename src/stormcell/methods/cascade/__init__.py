"""Forecasts by a Fourier cascade: S-PROG and STEPS from one engine, and Lagrangian probability beside them.

The parts, in the order in which a forecast needs them: `decibels` (the scale), `start` (past frames along the motion), `domain`
(Fourier space, and what lies beyond the border), `bandpass` and `levels` (the cascade), `autoregression`, `noise` and `local_noise`,
`mask`, `matching` and `shaping` (from levels to rain), `moving_rain` (the rain step by step, as seen from the rain), `velocity_noise`, and
`engine`, which makes each member.
"""

from stormcell.methods.cascade.lagrangian_probability import LagrangianProbability
from stormcell.methods.cascade.sprog import Sprog
from stormcell.methods.cascade.steps import Steps

__all__ = ["LagrangianProbability", "Sprog", "Steps"]
