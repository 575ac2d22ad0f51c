import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors are slower on many threads, and more so where several tests run at once."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
