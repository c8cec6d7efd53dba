"""Personal data as it may be shown: masked unless somebody asks otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pandas as pd

_PHONE_HEADERS: Final = re.compile(r"phone|mobile|^tel|电话|手机|联系方式", re.IGNORECASE)
_PERSON_HEADERS: Final = re.compile(
    r"^(reporter|caller|contact|complainant|applicant)(_?name)?$|^(姓名|联系人|上报人|举报人|反映人|报告人|投诉人|诉求人|当事人|申请人)(姓名)?$",
    re.IGNORECASE,
)
_TEXT_HEADERS: Final = re.compile(r"^(description|content|remark|note)s?$|描述|内容|备注|详情", re.IGNORECASE)
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
    联系人, 上报人, 姓名, and ``name`` where a phone stands beside it. In descriptions (``description``, 描述, 备注 …)
    mobile numbers are masked.

    Examples
    --------
    >>> table = pd.DataFrame({"联系人": ["王小明"], "手机": ["13912345678"], "描述": ["请打13912345678"]})
    >>> mask_table(table).iloc[0].tolist()
    ['王**', '139****5678', '请打139****5678']
    """
    headers = [str(column) for column in table.columns]
    phones = [header for header in headers if _PHONE_HEADERS.search(header)]
    people = [header for header in headers if _PERSON_HEADERS.search(header)]
    if phones and "name" in headers:
        people.append("name")
    texts = [header for header in headers if _TEXT_HEADERS.search(header)]
    masked = {name: _each(table[name], mask_phone) for name in phones}
    masked |= {name: _each(table[name], mask_name) for name in people}
    masked |= {name: _each(table[name], lambda text: _MOBILE.sub(r"\1****\2", text)) for name in texts}
    return table.assign(**masked)


def _each(values: pd.Series, mask: Callable[[str], str]) -> pd.Series:
    shown = [None if pd.isna(value) else mask(str(value).removesuffix(".0")) for value in values]
    return pd.Series(shown, index=values.index, dtype="str")
