"""Arrays and indexes of pandas as columns of Arrow, each with a note of what makes them exact.

Whether a dtype comes back exactly is known from the dtype alone; what would not is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from penstock.core.digest import digest_struct
from penstock.errors import Unfit
from penstock.serializers import tree, untree
from penstock.serializers.columns import digest_column
from penstock.serializers.numpy import bare

Note = dict[str, Any]
"""What Arrow does not say of a column: JSON."""


@dataclass(frozen=True)
class Column:
    note: Note
    array: Any
    """An array of Arrow, in one piece."""

    def digest(self) -> str:
        note = _json(self.note)
        if "categories" in self.note or "level" in self.note:
            # The order of categories counts, and so do those that no value has.
            return digest_struct("categories", note, *map(digest_column, _pieces(self.array)))
        return digest_struct("values", note, digest_column(self.array))


def _json(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def pack_label(label: object) -> Any:
    """A name or label as JSON."""
    return msgspec.json.decode(tree.dumps(label, _refused))


def unpack_label(data: Any) -> Any:
    return untree.loads(msgspec.json.encode(data), _refused)


def _refused(part: object) -> Any:
    raise Unfit(f"a '{type(part).__name__}' has no exact form in JSON")


# ---- arrays


def pack(values: Any) -> Column:
    """A Series' or an Index's values. Raises Unfit for what would not come back exactly."""
    import numpy as np
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        return _pack_numpy(values.to_numpy())
    array = values.array
    match dtype:
        case pd.DatetimeTZDtype():
            note = {"zone": _zone(dtype.tz)}
            return Column(note, _pack_numpy(array.tz_convert(None).to_numpy()).array)
        case pd.CategoricalDtype():
            return _pack_categories(array)
        case pd.StringDtype():
            missing = "NA" if dtype.na_value is pd.NA else "nan"
            return Column({"string": dtype.storage, "missing": missing}, _text(array))
        case pd.ArrowDtype():
            return Column({"arrow": True}, _whole(array.__arrow_array__()))
        case pd.PeriodDtype():
            return Column({"period": dtype.name[len("period[") : -1]}, _primitive(array.asi8))
        case pd.IntervalDtype():
            return _pack_intervals(array)
    if dtype.name in _MASKED:
        return _pack_masked(array)
    raise Unfit(f"pandas' dtype '{dtype}' has no exact form in Arrow")


def unpack(note: Note, array: Any) -> Any:
    """An array of pandas or NumPy; it may share the file's memory and be read-only."""
    return next(_UNPACK[key] for key in _UNPACK if key in note)(note, array)


def _pack_numpy(values: Any) -> Column:
    import numpy as np
    import pyarrow as pa

    dtype = values.dtype
    if dtype.kind == "O":
        return _pack_objects(values)
    if not dtype.isnative or dtype.metadata:
        raise Unfit(f"a column of dtype '{dtype}' has no exact form in Arrow")
    note = {"numpy": dtype.str}
    if dtype.kind in "iuf" and dtype.itemsize <= 8:
        return Column(note, _primitive(values))
    if dtype.kind in "mM" and not np.isnat(values).any():
        return Column(note, _primitive(values))
    if dtype.kind in "bmM":
        return Column(note, pa.array(values))
    raw = np.ascontiguousarray(bare(values)).view(f"V{dtype.itemsize}")
    kind = pa.binary(dtype.itemsize)
    buffers = [None, pa.py_buffer(raw.view(np.uint8))]
    return Column(note, pa.Array.from_buffers(kind, len(values), buffers))


def _primitive(values: Any) -> Any:
    """The numbers themselves, NaN among them and no nulls, without a copy where they lie together."""
    import numpy as np
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    buffers = [None, pa.py_buffer(values.view(np.uint8))]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def _unpack_numpy(note: Note, array: Any) -> Any:
    import numpy as np

    dtype = np.dtype(note["numpy"])
    if dtype.kind == "b":
        return array.to_numpy(zero_copy_only=False)
    if dtype.kind in "mM":
        return array.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    values = np.frombuffer(array.buffers()[1] or b"", dtype)
    return values[array.offset : array.offset + len(array)]


def _pack_objects(values: Any) -> Column:
    import pyarrow as pa

    types = set(map(type, values))
    if types <= {str, type(None)}:
        try:
            return Column({"objects": "str"}, pa.array(values, pa.large_string()))
        except UnicodeEncodeError:
            pass
    texts = [tree.dumps(value, _refused).decode() for value in values]
    return Column({"objects": "json"}, pa.array(texts, pa.large_string()))


def _unpack_objects(note: Note, array: Any) -> Any:
    import numpy as np

    values = np.empty(len(array), dtype=object)
    cells = array.to_pylist()
    if note["objects"] == "json":
        cells = [untree.loads(cell.encode(), _refused) for cell in cells]
    for place, cell in enumerate(cells):  # one by one: a cell may itself be a list
        values[place] = cell
    return values


def _text(array: Any) -> Any:
    import pyarrow as pa

    try:
        found = array.__arrow_array__(pa.large_string())
    except UnicodeEncodeError as error:
        raise Unfit("a text holds half a surrogate pair") from error
    return _whole(found)


def _whole(array: Any) -> Any:
    """One piece of a column in chunks."""
    import pyarrow as pa

    if not isinstance(array, pa.ChunkedArray):
        return array
    # Combining copies, even a single one.
    whole = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        raise Unfit("a column is too long for one array of Arrow")
    return whole


def _unpack_text(note: Note, array: Any) -> Any:
    import numpy as np
    import pandas as pd

    missing: Any = pd.NA if note["missing"] == "NA" else np.nan
    dtype: Any = pd.StringDtype(note["string"], na_value=missing)
    return dtype.__from_arrow__(array)


_MASKED = frozenset(
    [
        "boolean",
        "Float32",
        "Float64",
        "Int8",
        "Int16",
        "Int32",
        "Int64",
        "UInt8",
        "UInt16",
        "UInt32",
        "UInt64",
    ]
)


def _pack_masked(array: Any) -> Column:
    import pyarrow as pa

    # Both are private in pandas and have been there since 1.0; the public way turns NaN into NA.
    return Column({"masked": array.dtype.name}, pa.array(array._data, mask=array._mask))


def _unpack_masked(note: Note, array: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    name = note["masked"]
    mask = array.is_null().to_numpy(zero_copy_only=False)
    filled = array.fill_null(pa.scalar(0).cast(array.type)) if array.null_count else array
    values = filled.to_numpy(zero_copy_only=False).copy()
    if name == "boolean":
        return pd.arrays.BooleanArray(values, mask)
    if name.startswith("Float"):
        return pd.arrays.FloatingArray(values, mask)
    return pd.arrays.IntegerArray(values, mask)


def _zone(zone: Any) -> Any:
    match zone:
        case ZoneInfo(key=str() as key):
            return key
        case dt.timezone() if zone == dt.timezone(zone.utcoffset(None)) and zone.tzname(
            None
        ) == dt.timezone(zone.utcoffset(None)).tzname(None):
            return zone.utcoffset(None).total_seconds()
    raise Unfit(f"the time zone {zone!r} has no name that another process finds")


def _unpack_zone(note: Note, array: Any) -> Any:
    import pandas as pd

    zone = note["zone"]
    where = (
        ZoneInfo(zone) if isinstance(zone, str) else dt.timezone(dt.timedelta(seconds=float(zone)))
    )
    moments = pd.DatetimeIndex(array.to_numpy(zero_copy_only=False))
    return moments.tz_localize("UTC").tz_convert(where).array


def _unpack_period(note: Note, array: Any) -> Any:
    import numpy as np
    import pandas as pd

    ordinals = np.frombuffer(array.buffers()[1] or b"", np.int64)
    ordinals = ordinals[array.offset : array.offset + len(array)]
    return pd.arrays.PeriodArray(ordinals, dtype=pd.PeriodDtype(note["period"]))


def _pack_intervals(array: Any) -> Column:
    import pyarrow as pa

    left, right = pack(array.left), pack(array.right)
    note = {"interval": array.dtype.closed, "left": left.note, "right": right.note}
    return Column(note, pa.StructArray.from_arrays([left.array, right.array], ["left", "right"]))


def _unpack_intervals(note: Note, array: Any) -> Any:
    import pandas as pd

    left, right = (
        pd.Index(unpack(note[side], array.field(side)), copy=True) for side in ("left", "right")
    )
    return pd.arrays.IntervalArray.from_arrays(left, right, closed=note["interval"])


def _pack_categories(array: Any) -> Column:
    index = pack_index(array.categories, flat=True)
    note = {"categories": index.note, "ordered": bool(array.ordered)}
    return Column(note, _dictionary(array.codes, index.array))


def _dictionary(codes: Any, values: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(values.type):
        # A dictionary right inside another one is written, and cannot be read again.
        values = pa.StructArray.from_arrays([values], [_WRAPPED])
    missing = codes == -1
    indices = pa.array(codes, mask=missing) if missing.any() else _primitive(codes)
    return pa.DictionaryArray.from_arrays(indices, values)


_WRAPPED = "categories"


def _values(array: Any) -> Any:
    """What the codes of a dictionary stand for."""
    import pyarrow as pa

    values = array.dictionary
    if pa.types.is_struct(values.type) and values.type.names == [_WRAPPED]:
        return values.field(0)
    return values


def _pieces(array: Any) -> Iterator[Any]:
    import pyarrow as pa

    while pa.types.is_dictionary(array.type):
        yield array.indices
        array = _values(array)
    yield array


def _codes(array: Any) -> Any:
    import pyarrow as pa

    kind = array.indices.type
    filled = (
        array.indices.fill_null(pa.scalar(-1).cast(kind)) if array.null_count else array.indices
    )
    return filled.to_numpy(zero_copy_only=False)


def _unpack_categories(note: Note, array: Any) -> Any:
    import pandas as pd

    categories = unpack_index(note["categories"], [_values(array)])
    dtype = pd.CategoricalDtype(categories, ordered=note["ordered"])
    return pd.Categorical.from_codes(_codes(array), dtype=dtype, validate=False)


_UNPACK: dict[str, Callable[[Note, Any], Any]] = {
    "numpy": _unpack_numpy,
    "objects": _unpack_objects,
    "string": _unpack_text,
    "masked": _unpack_masked,
    "zone": _unpack_zone,
    "categories": _unpack_categories,
    "period": _unpack_period,
    "interval": _unpack_intervals,
    "arrow": lambda note, array: _pandas_arrow(array),
}


def _pandas_arrow(array: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    return pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))


# ---- indexes


@dataclass(frozen=True)
class Index:
    note: Note
    columns: tuple[Column, ...] = ()

    @property
    def array(self) -> Any:
        return self.columns[0].array


def pack_index(index: Any, *, flat: bool = False) -> Index:
    """An index; with `flat` in one column, even one that needs none."""
    import pandas as pd

    if type(index) is pd.MultiIndex:
        return _pack_levels(index)
    if type(index).__module__.partition(".")[0] != "pandas":
        raise Unfit(f"an index of '{type(index).__name__}' has no form in Arrow")
    note: Note = {"name": pack_label(index.name)}
    if type(index) is pd.RangeIndex:
        note["range"] = [index.start, index.stop, index.step]
        return Index(note, (pack(pd.Index(index.to_numpy())),) if flat else ())
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) and index.freq is not None:
        note["freq"] = _frequency(index.freq)
    column = pack(index)
    return Index(note | {"values": column.note}, (column,))


def unpack_index(note: Note, arrays: list[Any]) -> Any:
    import pandas as pd

    if "levels" in note:
        return _unpack_levels(note, arrays)
    name = unpack_label(note["name"])
    if "range" in note:
        start, stop, step = note["range"]
        return pd.RangeIndex(start, stop, step, name=name)
    values = unpack(note["values"], arrays[0])
    index: Any = pd.Index(values, dtype=values.dtype, name=name, copy=True)
    if "freq" in note:
        index.freq = pd.tseries.frequencies.to_offset(note["freq"])
    return index


def _frequency(frequency: Any) -> str:
    import pandas as pd

    try:
        same = pd.tseries.frequencies.to_offset(frequency.freqstr) == frequency
    except ValueError:  # `DateOffset(months=1)` has no name that is read
        same = False
    if not same:
        raise Unfit(f"the frequency {frequency!r} is more than its name says")
    return str(frequency.freqstr)


def _pack_levels(index: Any) -> Index:
    levels = [pack_index(level, flat=True) for level in index.levels]
    columns = [
        Column({"level": level.note}, _dictionary(codes, level.array))
        for level, codes in zip(levels, map(_array, index.codes), strict=True)
    ]
    names = [pack_label(name) for name in index.names]
    return Index({"levels": [level.note for level in levels], "names": names}, tuple(columns))


def _array(codes: Any) -> Any:
    import numpy as np

    return np.asarray(codes)


def _unpack_levels(note: Note, arrays: list[Any]) -> Any:
    import pandas as pd

    levels = [
        unpack_index(level, [_values(array)])
        for level, array in zip(note["levels"], arrays, strict=True)
    ]
    codes = [_codes(array) for array in arrays]
    names = [unpack_label(name) for name in note["names"]]
    return pd.MultiIndex(levels, codes, names=names, verify_integrity=False)
