"""The open data server of the German weather service (DWD): RV archives, one every five minutes, kept for about two days.

The directory holds DE1200_RVyymmddHHMM.tar.bz2 and an alias DE1200_RV_LATEST.tar.bz2, which is left alone. The page is asked for
conditionally, so that a look that brings nothing new costs neither side more than a few hundred bytes.
"""

from stormcell.data.sources.index import Index

__all__ = ["dwd"]


def dwd(
    *, url: str = "https://opendata.dwd.de/weather/radar/composite/rv/", prefix: str = "DE1200_RV", origins: tuple[str, ...] = ()
) -> Index:
    """DWD's directory of RV archives.

    Args:
        url: of the directory, or of a mirror.
        prefix: of the file names, before the time.
        origins: further origins that the directory may lead to.
    """
    return Index(
        url=url,
        pattern=rf"{prefix}(?P<time>\d{{10}})\.tar\.bz2",
        time_format="%y%m%d%H%M",
        origins=origins,
        licence="CC-BY-4.0",
        attribution="Source: Deutscher Wetterdienst",
        step_minutes=5.0,
    )
