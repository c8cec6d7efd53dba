"""Personal data as it may be shown: masked unless somebody asks otherwise."""

from __future__ import annotations


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
