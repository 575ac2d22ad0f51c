"""The answer follows what torch says of the processor and of accelerators."""

import pytest
import torch

from stormcell.bfloat16 import has_fast_bfloat16


@pytest.mark.parametrize(
    ("instructions", "fast"),
    [
        ({"avx2": True, "avx512_f": False, "avx512_bf16": False}, False),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, False),
        ({"avx512_f": True, "avx512_bf16": True, "cpu_name": "any"}, True),
        ({"amx_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
        ({}, False),
    ],
)
def test_a_processor_needs_instructions_for_it(instructions, fast, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert has_fast_bfloat16("cpu") == has_fast_bfloat16("auto") == fast


@pytest.mark.parametrize(("capability", "fast"), [("AVX512", True), ("AVX2", False), ("DEFAULT", False)])
def test_an_older_torch_says_less(capability, fast, monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert has_fast_bfloat16("cpu") == fast


@pytest.mark.parametrize("fast", [False, True])
def test_an_accelerator_answers_for_itself(fast, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: fast)
    assert has_fast_bfloat16("cuda:1") == has_fast_bfloat16("gpu") == has_fast_bfloat16("auto") == fast
    assert not has_fast_bfloat16("mps")


def test_without_an_accelerator_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not has_fast_bfloat16("cuda")
