"""Equations as MathML, which browsers draw by themselves."""

from latex2mathml.converter import convert
from markupsafe import Markup

__all__ = ["mathml"]


def mathml(tex: str) -> Markup:
    r"""An equation in TeX, such as r"h_t = \tanh(W x_t)", as MathML on a line of its own."""
    return Markup(convert(tex, display="block"))
