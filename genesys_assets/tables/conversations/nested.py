"""Nested Arrow types that have only some fields of a model: adding fields to them, and converting values to another
such type.

A page has few of the hundreds of fields that the platform documents. Decoding is fast because only those that occur are
read. So the types of decoded conversations are narrower than the model, and may differ from page to page. This module
works with any model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST_NAMES = 1_000
"""A map with more names than this is read value by value, not as one column for each name."""


def field_of(type_: pa.DataType | None, name: str) -> pa.DataType | None:
    """The type of a struct's field; None if the struct lacks it, or it has only nulls."""
    if type_ is None or not pa.types.is_struct(type_):
        return None
    index = type_.get_field_index(name)
    found = None if index < 0 else type_.field(index).type
    return None if found is None or pa.types.is_null(found) else found


def fields_of(structs: pa.StructArray) -> dict[str, pa.Array]:
    """The values of each field, null where the struct is null. One call for each field would take five times as
    long.
    """
    return dict(zip((member.name for member in structs.type), structs.flatten(), strict=True))


def grown(model: pa.DataType, known: pa.DataType | None, found: pa.DataType | None) -> pa.DataType:
    """The part of the model that has the fields of the types `known` and `found`, in the model's order. A map becomes a
    struct of its sorted names, each with the type of the map's values. Raises ArrowInvalid if there are too many names.
    """
    if pa.types.is_struct(model):
        members = [(m, field_of(known, m.name), field_of(found, m.name)) for m in model]
        return pa.struct(
            [(m.name, grown(m.type, old, new)) for m, old, new in members if old is not None or new is not None]
        )
    if pa.types.is_map(model):
        names = {m.name for type_ in (known, found) if type_ is not None and pa.types.is_struct(type_) for m in type_}
        if len(names) > MOST_NAMES:
            raise pa.ArrowInvalid(f"a map with {len(names)} names, where {MOST_NAMES} can be columns")
        return pa.struct([(name, model.item_type) for name in sorted(names)])
    if pa.types.is_list(model):
        return pa.list_(grown(model.value_type, _element(known), _element(found)))
    return model


def map_scalars(type_: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """The same nesting with each scalar type changed."""
    if pa.types.is_struct(type_):
        return pa.struct([(member.name, map_scalars(member.type, change)) for member in type_])
    if pa.types.is_list(type_):
        return pa.list_(map_scalars(type_.value_type, change))
    return change(type_)


def conformed(values: pa.Array, type_: pa.DataType) -> pa.Array:
    """The values converted to a type: fields that only the type has are null, fields that it lacks are dropped."""
    if values.type == type_:
        return values
    if pa.types.is_struct(type_):
        have = values.type
        columns = [
            conformed(pc.struct_field(values, [have.get_field_index(member.name)]), member.type)
            if have.get_field_index(member.name) >= 0
            else pa.nulls(len(values), member.type)
            for member in type_
        ]
        return pa.StructArray.from_arrays(columns, fields=list(type_), mask=values.is_null())
    if pa.types.is_list(type_):
        return with_elements(values, conformed(pc.list_flatten(values), type_.value_type))
    return values.cast(type_, safe=False)


def with_elements(lists: pa.ListArray, elements: pa.Array) -> pa.ListArray:
    """The lists with their elements replaced, one by one."""
    ends = np.cumsum(pc.list_value_length(lists).fill_null(0).to_numpy(), dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(np.concatenate(([0], ends)), pa.int32()), elements, mask=lists.is_null())


def concatenated(parts: Sequence[pa.Array], model: pa.DataType) -> pa.Array:
    """The parts as one array. If their types differ, it has the fields of all."""
    types = list(dict.fromkeys(part.type for part in parts))
    if len(types) > 1:
        common = reduce(partial(grown, model), types)
        parts = [conformed(part, common) for part in parts]
    return pa.concat_arrays(parts)


def _element(type_: pa.DataType | None) -> pa.DataType | None:
    return type_.value_type if type_ is not None and pa.types.is_list(type_) else None
