"""What a run leaves in its folder, seen from each of the processes that share it."""

from pathlib import Path

import pytest

from stormcell.training.saving import LAST, Saving


class OneOfTwo:
    """A trainer whose checkpoints are written by the first process alone, as Lightning's are."""

    def __init__(self, rank: int) -> None:
        self.is_global_zero, self.asked = rank == 0, 0

    def save_checkpoint(self, path: Path, weights_only: bool) -> None:
        self.asked += 1  # all have to ask: they wait for each other there
        if self.is_global_zero:
            Path(path).write_text("state")


@pytest.mark.parametrize("rank", [0, 1])
def test_every_process_takes_part_and_one_writes(tmp_path, rank):
    trainer = OneOfTwo(rank)
    Saving(tmp_path, None, title="", monitor="loss", patience=0).on_train_epoch_end(trainer, None)
    assert trainer.asked == 1
    assert [path.name for path in tmp_path.iterdir()] == ([LAST] if rank == 0 else [])
