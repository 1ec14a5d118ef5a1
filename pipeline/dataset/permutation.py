"""Shuffle the numbers 0 .. n - 1 without an array of n numbers: a permutation that a key selects.

A Feistel network exchanges the two halves of a number over several rounds and adds a keyed hash of one half to the other,
so that it is a bijection whatever the hash. The halves of a number are its quotient and remainder by about the square
root of n. The few results of n and more are permuted again until they are below n (cycle walking).

Source: Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002: generalized Feistel network and cycle
walking. The hash is the finalizer of SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014; it is not cryptographic.

Shapes: N numbers.
"""

import math

import numpy as np
from numpy.typing import NDArray

UInt64Array = NDArray[np.uint64]

ROUNDS = 8
"""Rounds of the network; even, so that both halves come back to their places."""
_GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_HALF = np.uint64(32)
"""Bits of half a hash."""
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


def hash_numbers(*numbers: NDArray[np.integer] | int) -> UInt64Array:
    """Return one hash [N] of each row of numbers; all their 64 bits depend on every number and on the order.

    Args:
        numbers: arrays [N] or single numbers, from 0 to 2**64 - 1.
    """
    # An array, because NumPy warns of an overflow of single numbers.
    state = np.zeros(1, np.uint64)
    for number in numbers:
        state = _mix_bits(state + _GOLDEN_RATIO + np.asarray(number).astype(np.uint64))
    return state


def _mix_bits(values: UInt64Array) -> UInt64Array:
    """Return the finalizer of SplitMix64, a bijection of 64 bits."""
    mixed = values ^ (values >> _SHIFTS[0])
    mixed *= _MULTIPLIERS[0]
    mixed ^= mixed >> _SHIFTS[1]
    mixed *= _MULTIPLIERS[1]
    mixed ^= mixed >> _SHIFTS[2]
    return mixed


def permute_numbers(
    numbers: NDArray[np.integer], num_items: int, keys: UInt64Array
) -> NDArray[np.int64]:
    """Return the place of each number [N] in a permutation of 0 .. n - 1.

    Args:
        numbers: [N] from 0 to n - 1.
        num_items: n, from 1 to 2**62.
        keys: [N] the permutation of each number; equal keys select the same.
    """
    width = math.isqrt(num_items - 1) + 1
    height = -(-num_items // width)
    permuted = _apply_rounds(numbers.astype(np.uint64), keys, width, height)
    while len(outside := np.flatnonzero(permuted >= num_items)):
        permuted[outside] = _apply_rounds(permuted[outside], keys[outside], width, height)
    return permuted.astype(np.int64)


def _apply_rounds(numbers: UInt64Array, keys: UInt64Array, width: int, height: int) -> UInt64Array:
    """Return a permutation of 0 .. width * height - 1 at numbers [N]; both are below 2**32."""
    left, right = numbers % np.uint64(width), numbers // np.uint64(width)
    for number in range(ROUNDS):
        modulus = np.uint64(height if number % 2 else width)
        keys = keys + _GOLDEN_RATIO
        # The upper half of a hash, as a fraction of 2**32, times the modulus.
        shift = ((_mix_bits(keys + right) >> _HALF) * modulus) >> _HALF
        total = left + shift
        left, right = right, np.where(total < modulus, total, total - modulus)
    return right * np.uint64(width) + left
