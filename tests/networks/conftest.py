from tests.cells.conftest import _one_thread  # noqa: F401  (a fixture for every test here)
