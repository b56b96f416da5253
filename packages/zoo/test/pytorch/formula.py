"""Numbers that PyTorch and the tests compute alike, so that no weights are stored: `formula.ts` is the same.

    h = FNV-1a of the name, then for element i:  v = h + 0x9E3779B9 i,  v = mix(v),  u = v / 2^32
    mix: v ^= v >> 16, v *= 0x85EBCA6B, v ^= v >> 13, v *= 0xC2B2AE35, v ^= v >> 16    (all modulo 2^32)

Sources: Fowler, Noll, Vo: FNV hash; Appleby: the finalizer of MurmurHash3.
"""
import math

import numpy as np

WORD = 0xFFFFFFFF


def uniforms(name, count):
    """`count` numbers in [0, 1), keyed by a name."""
    h = 0x811C9DC5
    for byte in name.encode():
        h = ((h ^ byte) * 0x01000193) & WORD
    v = (h + 0x9E3779B9 * np.arange(count, dtype=np.uint64)) & WORD
    v ^= v >> 16
    v = (v * 0x85EBCA6B) & WORD
    v ^= v >> 13
    v = (v * 0xC2B2AE35) & WORD
    v ^= v >> 16
    return v.astype(np.float64) / 2.0**32


def between(name, shape, low, high):
    """Numbers in [low, high), rounded to float32."""
    values = low + (high - low) * uniforms(name, math.prod(shape))
    return values.astype(np.float32).reshape(shape)


def parameter(name, shape):
    """A stored tensor: matrices and kernels in +-sqrt(6 / fan-in), scales in [0.5, 1.5), biases in +-0.3."""
    if len(shape) > 1:
        bound = math.sqrt(6 / math.prod(shape[1:]))
        return between(name, shape, -bound, bound)
    if name.endswith(".weight"):
        return between(name, shape, 0.5, 1.5)
    return between(name, shape, -0.3, 0.3)


def summary(name, gradient):
    """What is kept of a gradient: sum, norm, the product with a fixed direction, two of its elements."""
    flat = gradient.detach().double().numpy().reshape(-1)
    direction = 2 * uniforms(f"{name}/direction", flat.size) - 1
    kept = [flat.sum(), np.sqrt((flat * flat).sum()), (flat * direction).sum()]
    kept += [flat[flat.size // 3], flat[-1]]
    return " ".join(f"{value:.10g}" for value in kept)
