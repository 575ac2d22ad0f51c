"""Numbers of 16 bits with the range of float32: half the work where a processor has instructions for them, many times it elsewhere."""

import torch

__all__ = ["has_fast_bfloat16"]


def has_fast_bfloat16(device: str) -> bool:
    """Whether networks run faster in bfloat16 than in float32.

    A processor needs instructions for it (avx512_bf16, amx_bf16, or bf16 of ARM). One without AVX-512 at all converts number by number: a
    training step of ConvLSTM then takes ten times as long as in float32 (`stormcell benchmark training` shows both).

    Args:
        device: in the words of torch or Lightning: "cpu", "cuda:0", "gpu"; "auto" for the accelerator if there is one.
    """
    kind = device.partition(":")[0]
    if kind in ("cuda", "gpu", "auto") and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind in ("cpu", "auto"):
        return _has_instructions()
    return False


def _has_instructions() -> bool:
    if hasattr(torch.cpu, "get_capabilities"):
        return any(has for name, has in torch.cpu.get_capabilities().items() if name.endswith("bf16"))
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512")  # an older torch says no more
