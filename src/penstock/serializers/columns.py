"""Columns of Arrow: the digest of their values, independent of chunks and of what is under nulls."""

from __future__ import annotations

from typing import Any

from blake3 import blake3

from penstock.core.digest import digest_bytes, digest_struct
from penstock.errors import Unfit


def digest_column(column: Any) -> str:
    """Of a chunked array, or an array. Raises Unfit for types that Arrow cannot compute with."""
    import pyarrow as pa

    try:
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # what is too long for one array stays in chunks
            return digest_struct("chunks", *(_digest(chunk) for chunk in column.chunks))
        return _digest(column)
    except pa.ArrowNotImplementedError as error:
        raise Unfit(f"an Arrow '{column.type}' is not compared: {error}") from error


def _digest(array: Any) -> str:
    """The type, where the nulls are, then the values that are not null."""
    import pyarrow as pa

    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return digest_struct("extension", str(kind), _digest(array.storage))
    if pa.types.is_dictionary(kind):
        return digest_struct("dictionary", str(kind), *map(_digest, _codes(array)))
    if pa.types.is_run_end_encoded(kind):
        return digest_struct("runs", str(kind), _digest(pa.compute.run_end_decode(array)))
    if pa.types.is_union(kind):
        raise Unfit("an Arrow union has no content that is compared")
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        array = array.cast(
            pa.large_string() if pa.types.is_string_view(kind) else pa.large_binary()
        )
    nulls = b""
    if array.null_count:
        nulls = digest_bytes(_bits(array.is_null())).encode()
        array = array.drop_null()
    return digest_struct("column", str(kind), len(array), nulls, *_values(array))


def _codes(array: Any) -> tuple[Any, ...]:
    """Codes, and their values in the order in which they first appear: whatever the dictionary's was.

    Where it is said to be ordered, it counts as it is, with the values that no row has.
    """
    import numpy as np
    import pyarrow as pa

    values = array.dictionary
    if pa.types.is_dictionary(values.type):
        raise Unfit("an Arrow dictionary right inside another one cannot be read again")
    if array.type.ordered:
        return array.indices, values
    if pa.types.is_nested(values.type):
        return (array.dictionary_decode(),)
    if values.null_count or len(values.unique()) < len(values):
        array = array.dictionary_decode().dictionary_encode()
        values = array.dictionary
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    codes = array.indices.drop_null()
    seen = codes.unique()
    number = np.zeros(len(values), np.uint32)
    number[seen.to_numpy()] = np.arange(len(seen), dtype=np.uint32)
    codes = number[codes.to_numpy()]
    if missing is not None:
        codes, present = np.zeros(len(array), np.uint32), codes
        codes[~missing] = present
    return pa.array(codes, mask=missing), values.take(seen)


def _values(array: Any) -> list[str]:
    import pyarrow as pa

    kind, types = array.type, pa.types
    if types.is_null(kind) or not len(array):
        return []
    if types.is_boolean(kind):
        return [digest_bytes(_bits(array))]
    if types.is_struct(kind):
        return [_digest(field) for field in array.flatten()]
    if types.is_fixed_size_list(kind):
        return [_digest(array.flatten())]
    if types.is_list(kind) or types.is_large_list(kind) or types.is_map(kind):
        return [_lengths(array), _digest(_elements(array))]
    if _is_text(kind):
        return _text(array)
    try:
        width = kind.byte_width
    except ValueError:
        raise Unfit(f"an Arrow '{kind}' has no content that is compared") from None
    start = array.offset * width
    return [
        digest_bytes(memoryview(array.buffers()[1]).cast("B")[start : start + len(array) * width])
    ]


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _text(array: Any) -> list[str]:
    offsets = _offsets(array)
    data = array.buffers()[2]
    hasher = blake3()
    if data is not None:
        hasher.update(memoryview(data).cast("B")[int(offsets[0]) : int(offsets[-1])])
    return [_lengths(array), hasher.hexdigest()]


def _elements(array: Any) -> Any:
    import pyarrow as pa

    offsets = _offsets(array)
    if pa.types.is_map(array.type):
        entries = pa.StructArray.from_arrays([array.keys, array.items], ["key", "value"])
        return entries.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    return array.flatten()


def _offsets(array: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    types = pa.types
    large = any(
        is_large(array.type)
        for is_large in (types.is_large_string, types.is_large_binary, types.is_large_list)
    )
    raw = np.frombuffer(array.buffers()[1], np.int64 if large else np.int32)
    return raw[array.offset : array.offset + len(array) + 1]


def _lengths(array: Any) -> str:
    """Where each value ends, from the first one's beginning: what a cut or a join does not change."""
    offsets = _offsets(array)
    if offsets[0]:
        offsets = offsets - offsets[0]
    return digest_bytes(memoryview(offsets).cast("B"))


def _bits(array: Any) -> bytes:
    """One byte for each value: bits may begin anywhere, and what is after the last is arbitrary."""
    import pyarrow as pa

    whole = array.cast(pa.uint8())
    return bytes(memoryview(whole.buffers()[1])[whole.offset : whole.offset + len(whole)])
