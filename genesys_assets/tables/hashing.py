"""Hashes rows: equal rows have equal hashes, and different rows practically never do.

numpy hashes whole columns at once, eight bytes of each text at a time. Making Python objects of the values first would
take several times as long.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Hashes = npt.NDArray[np.uint64]

_FACTOR, _OTHER_FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_NULL = np.uint64(0xA0761D6478BD642F)
_WORD = 8
_BITS_OF_FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(_WORD + 1)], np.uint64)


def hash_rows(rows: pa.Table | pa.RecordBatch) -> Hashes:
    """A 64-bit hash of each row, the same in every process."""
    hashes = np.zeros(len(rows), np.uint64)
    for column in rows.columns:
        hashes = _mixed(hashes ^ _hash_column(_whole(column)))
    return hashes


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], column.type), *column.chunks]) if hasattr(column, "chunks") else column


def _hash_column(column: pa.Array) -> Hashes:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type):
        return np.full(len(column), _NULL)
    hashes = _hash_numbers(column) if _is_number(column.type) else _hash_bytes(_as_bytes(column))
    if column.null_count:
        hashes[np.asarray(column.is_null())] = _NULL
    return hashes


def _is_number(type_: pa.DataType) -> bool:
    """Whether values have at most eight bytes, equal for equal values: numbers, instants, days, flags."""
    return bool(pa.types.is_primitive(type_)) and type_.bit_width <= 8 * _WORD


def _hash_numbers(column: pa.Array) -> Hashes:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    unsigned = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}[column.type.bit_width]
    return _mixed(np.asarray(pc.fill_null(column.view(unsigned), 0)).astype(np.uint64) ^ _OTHER_FACTOR)


def _as_bytes(column: pa.Array) -> pa.Array:
    if pa.types.is_nested(column.type):
        texts = [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()]
        column = pa.array(texts, pa.large_string())
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.large_string())
    return column.cast(pa.large_binary())


def _hash_bytes(column: pa.Array) -> Hashes:
    """Hashes texts word by word: in each step the next word of all rows that have one."""
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64, len(column) + 1, column.offset * 8) if len(column) else np.zeros(1, int)
    starts, lengths = bounds[:-1] - bounds[0], np.diff(bounds)
    words = _words(data, int(bounds[0]), int(bounds[-1]))
    # The length is mixed first. Else it could cancel bits of the text, and 'A' and 'B\0' would have the same hash.
    hashes = _mixed(lengths.astype(np.uint64))
    rows, done = np.flatnonzero(lengths > 0), 0
    while len(rows):
        bits = _BITS_OF_FIRST_BYTES[np.minimum(lengths[rows] - done, _WORD)]
        hashes[rows] = _mixed(hashes[rows] ^ (words[starts[rows] + done] & bits))
        done += _WORD
        rows = rows[lengths[rows] > done]
    return _mixed(hashes)


def _words(data: pa.Buffer | None, begin: int, end: int) -> Hashes:
    """For each byte the word of eight bytes that begins there; zeros follow the last byte."""
    padded = np.zeros(end - begin + _WORD, np.uint8)
    if data is not None and end > begin:
        padded[:-_WORD] = np.frombuffer(data, np.uint8, end - begin, begin)
    return np.ndarray((end - begin + 1,), "<u8", padded, strides=(1,))


def _mixed(hashes: Hashes) -> Hashes:
    """Mixes the bits of each number, without collisions: every bit of the result depends on all lower bits and on the
    high ones.
    """
    mixed = hashes * _FACTOR
    mixed ^= mixed >> np.uint64(32)
    mixed *= _OTHER_FACTOR
    mixed ^= mixed >> np.uint64(29)
    return mixed
