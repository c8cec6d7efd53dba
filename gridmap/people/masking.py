"""Personal data as it may be shown: masked unless somebody asks otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Mask: TypeAlias = Callable[[pa.Array], pa.Array]

_PHONE_HEADERS: Final = re.compile(r"phone|mobile|^tel|电话|手机|联系方式", re.IGNORECASE)
_PERSON_HEADERS: Final = re.compile(
    r"^(reporter|caller|contact|complainant|applicant|leader)(_?name)?$"
    r"|^(姓名|联系人|上报人|举报人|反映人|报告人|投诉人|诉求人|当事人|申请人|负责人|站长)(姓名)?$",
    re.IGNORECASE,
)
_TEXT_HEADERS: Final = re.compile(r"^(description|content|remark|note)s?$|描述|内容|备注|详情", re.IGNORECASE)
_PERHAPS: Final = r"1[3-9]\p{Nd}{9}"
"""What every mobile number contains: only texts that have it are looked at closely."""
_MOBILE: Final = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")


def mask_name(name: str) -> str:
    """Return a name of which only the first character is shown.

    Examples
    --------
    >>> mask_name("王小明"), mask_name("李"), mask_name("")
    ('王**', '李', '')
    """
    return name[:1] + "*" * (len(name) - 1)


def mask_phone(phone: str) -> str:
    """Return a phone number of which the first three and the last four digits are shown; of a short one nothing.

    Examples
    --------
    >>> mask_phone("13812345678"), mask_phone("8001")
    ('138****5678', '****')
    """
    if len(phone) < 9:
        return "*" * len(phone)
    return phone[:3] + "*" * (len(phone) - 7) + phone[-4:]


def mask_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns that tell who reported are masked, recognised by their headers.

    Phones are headers like ``phone``, ``reporter_phone``, 联系电话, 手机号; names ``reporter``, ``contact_name``,
    联系人, 上报人, 负责人, 姓名, and ``name`` where a phone stands beside it. In descriptions (``description``, 描述,
    备注 …) mobile numbers are masked.

    Examples
    --------
    >>> table = pd.DataFrame({"联系人": ["王小明"], "手机": ["13912345678"], "描述": ["请打13912345678"]})
    >>> mask_table(table).iloc[0].tolist()
    ['王**', '139****5678', '请打139****5678']
    """
    masks = masks_of(table.columns)
    masked = {name: _masked_series(table[name], mask) for name, mask in masks.items()}
    return table.assign(**masked)


def masks_of(headers: Iterable[object]) -> Mapping[str, Mask]:
    """Return how columns have to be masked, recognised by their headers as in :func:`mask_table`.

    A mask takes an Arrow array of any kind and returns text.

    Examples
    --------
    >>> masks_of(["lon", "phone"])["phone"](pa.array([13912345678, None])).to_pylist()
    ['139****5678', None]
    """
    names = [str(header) for header in headers]
    phones = [name for name in names if _PHONE_HEADERS.search(name)]
    people = [name for name in names if _PERSON_HEADERS.search(name)]
    if phones and "name" in names:
        people.append("name")
    texts = [name for name in names if _TEXT_HEADERS.search(name)]
    return dict.fromkeys(phones, _phones) | dict.fromkeys(people, _names) | dict.fromkeys(texts, _without_mobiles)


def _masked_series(values: pd.Series, mask: Mask) -> pd.Series:
    if isinstance(values.dtype, pd.StringDtype):
        texts = pa.array(values, type=pa.large_string())
    else:
        texts = pa.array([None if pd.isna(value) else _written(value) for value in values], type=pa.large_string())
    return pd.Series(mask(texts).to_pandas(), index=values.index, dtype="str")


def _written(value: Any) -> str:
    """Return a value as text; a table reads a column of whole numbers with gaps as 13912345678.0."""
    return str(value).removesuffix(".0")


def _texts(values: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        ends = pc.any(pc.ends_with(values, ".0")).as_py()
        return pc.replace_substring_regex(values, r"\.0$", "") if ends else values
    if pa.types.is_integer(values.type):
        return values.cast(pa.large_string())
    return pa.array(
        [None if value is None or value != value else _written(value) for value in values.to_pylist()],
        type=pa.large_string(),
    )


def _names(values: pa.Array) -> pa.Array:
    """See :func:`mask_name`."""
    texts = _texts(values)
    hidden = pc.max_element_wise(pc.subtract(pc.utf8_length(texts), 1), 0, skip_nulls=False)
    return pc.binary_join_element_wise(pc.utf8_slice_codeunits(texts, 0, 1), _stars(hidden, texts.type), _empty(texts))


def _phones(values: pa.Array) -> pa.Array:
    """See :func:`mask_phone`."""
    texts = _texts(values)
    size = pc.utf8_length(texts)
    short = pc.less(size, 9)
    head, tail = pc.utf8_slice_codeunits(texts, 0, 3), pc.utf8_slice_codeunits(texts, -4)
    hidden = _stars(pc.if_else(short, size, pc.subtract(size, 7)), texts.type)
    return pc.if_else(short, hidden, pc.binary_join_element_wise(head, hidden, tail, _empty(texts)))


def _without_mobiles(values: pa.Array) -> pa.Array:
    """Mask mobile numbers within text."""
    texts = _texts(values)
    rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(texts, _PERHAPS), False).to_numpy(zero_copy_only=False))
    if len(rows) == 0:
        return texts
    chosen = np.zeros(len(texts), dtype=bool)
    chosen[rows] = True
    masked = [_MOBILE.sub(r"\1****\2", text) for text in texts.take(pa.array(rows)).to_pylist()]
    return pc.replace_with_mask(texts, pa.array(chosen), pa.array(masked, type=texts.type))


def _stars(counts: pa.Array, kind: pa.DataType) -> pa.Array:
    return pc.binary_repeat(pa.scalar("*", type=kind), counts)


def _empty(texts: pa.Array) -> pa.Scalar:
    return pa.scalar("", type=texts.type)
