"""What is masked in columns at once is masked as one by one."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.people.masking import mask_name, mask_phone, mask_table, masks_of

MOBILE = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
TEXTS = st.one_of(
    st.none(), st.text(), st.text(alphabet="13905,. １９", max_size=30), st.from_regex(r"\A(1[3-9]\d{9},?){1,3}\Z")
)


@given(st.lists(TEXTS, max_size=5))
def test_columns_are_masked_as_single_values_are(texts):
    rules = {"name": mask_name, "phone": mask_phone, "note": lambda text: MOBILE.sub(r"\1****\2", text)}
    masks = masks_of(rules)
    for header, rule in rules.items():
        wanted = [None if text is None else rule(text.removesuffix(".0")) for text in texts]
        for kind in (pa.string(), pa.large_string()):
            assert masks[header](pa.array(texts, type=kind)).to_pylist() == wanted


@pytest.mark.parametrize("values", [[13912345678, None], [13912345678.0, np.nan], ["13912345678.0", None]])
def test_numbers_are_phones_too(values):
    shown = mask_table(pd.DataFrame({"phone": values}))["phone"]
    assert shown.iloc[0] == "139****5678"
    assert shown.isna().tolist() == [False, True]
    assert masks_of(["phone"])["phone"](pa.array(values, from_pandas=True)).to_pylist() == ["139****5678", None]
