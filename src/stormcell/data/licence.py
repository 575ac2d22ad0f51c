"""Licences by their SPDX identifiers, so that a program can tell what may be done with the data."""

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from stormcell.errors import StormcellError

__all__ = ["spdx"]


def spdx(text: str) -> str:
    """The identifier as SPDX spells it.

    Raises:
        StormcellError: it is none.

    Example:
        >>> spdx("cc-by-4.0")
        'CC-BY-4.0'
    """
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        raise StormcellError(
            f"licence {text!r}: expected an SPDX identifier such as CC-BY-4.0, OGL-UK-3.0 or ODbL-1.0 (all are on spdx.org/licenses); "
            "for terms that are not on the list, LicenseRef- and a name of your own"
        ) from None
