"""Whole variables where they fit, blocks where they do not: the values are the same."""

import numpy as np
import pytest

from stormcell.service.fields import FieldStore
from stormcell.service.fields_cache import FieldsCache
from tests.service.web.published import CENTRE, LEADS, SCANS, SHAPE, STORM, publish_forecasts, publish_scan, settings_at

WHOLE = 4 * LEADS * SHAPE[0] * SHAPE[1]  # bytes of a forecast
LARGE, SMALL = 4 * WHOLE, 4 * WHOLE - 1


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    settings = settings_at(tmp_path_factory.mktemp("fields"))
    publish_scan(settings, SCANS - 1)
    return settings, publish_forecasts(settings, SCANS - 1)[0].key


@pytest.mark.parametrize(("capacity", "whole"), [(LARGE, True), (SMALL, False)])
def test_a_point(service, capacity, whole):
    settings, key = service
    fields = FieldsCache(FieldStore(settings.fields_address), capacity)
    assert not fields.at_once(key, **CENTRE)
    fields.prepare(key)
    assert fields.at_once(key, **CENTRE) == whole
    for row, column in ((0, 0), (33, 41), (63, 71)):
        np.testing.assert_array_equal(fields.at(key, "rain_rate", row, column), STORM.values[SCANS : SCANS + LEADS, row, column])
    assert fields.at_once(key, **CENTRE)


@pytest.mark.parametrize("capacity", [LARGE, SMALL])
def test_planes_are_the_same_from_memory_and_from_the_store(service, capacity):
    settings, key = service
    fields = FieldsCache(FieldStore(settings.fields_address), capacity)
    from_store = fields.classes(key, "rain_rate", (1,))
    again = FieldsCache(FieldStore(settings.fields_address), capacity)
    again.prepare(key)
    np.testing.assert_array_equal(again.classes(key, "rain_rate", (1,)), from_store)
