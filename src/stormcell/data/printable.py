"""Words of foreign files as they may be shown: on one line, without what would command a terminal, and not too long."""

__all__ = ["printable"]


def printable(text: str, longest: int = 1000) -> str:
    """The text in one line, with a question mark for each letter that cannot be printed, cut off after so many.

    Example:
        >>> printable("NOD:fi\\x1b[31m")
        'NOD:fi?[31m'
    """
    line = " ".join(text[: 10 * longest].split())
    shown = "".join(letter if letter.isprintable() else "?" for letter in line)
    return shown if len(shown) <= longest else f"{shown[: longest - 4]} ..."
