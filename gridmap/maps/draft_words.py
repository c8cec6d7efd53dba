"""What the map of a draft says: labels in Chinese with English beside them, sentences in the language set."""

from __future__ import annotations

from typing import Any, Final

from gridmap.settings import text

ACTIONS: Final = {
    "move": ("移动", "Move"),
    "split": ("拆分", "Split"),
    "merge": ("合并", "Merge"),
    "redraw": ("重划", "Redraw"),
    "rebalance": ("均衡", "Rebalance"),
    "undo": ("撤销", "Undo"),
    "redo": ("重做", "Redo"),
    "lock": ("锁定", "Lock"),
    "unlock": ("解锁", "Unlock"),
    "propose": ("提交方案", "Propose"),
    "lasso": ("套索", "Lasso"),
}
"""Name of each action in Chinese and English."""

_RULES: Final = {
    "not_contiguous": ("网格会断成几块", "a grid would fall into pieces"),
    "given_border": ("会改变法定边界", "a given border would change"),
    "locked": ("网格已锁定", "the grid is locked"),
    "empty": ("网格会变空", "a grid would become empty"),
    "not_adjacent": ("所选网格不相邻", "these grids are not neighbours"),
    "building_cut": ("会切开建筑", "a building would be cut"),
    "not_nested": ("上下级不嵌套", "grids would no longer nest"),
    "count": ("数量不符", "the number does not fit"),
    "nothing_to_do": ("没有可做的改动", "there is nothing to do"),
}


def rule_title(rule: str) -> list[str]:
    """Return the name of a rule in Chinese and English.

    Examples
    --------
    >>> rule_title("locked")
    ['网格已锁定', 'the grid is locked']
    """
    return list(_RULES.get(rule, (rule, rule.replace("_", " "))))


def option_text(option: Any) -> str:
    """Return what a button says that does an allowed edit (an option of :class:`gridmap.EditRefused`)."""
    if option.action == "move":
        count = len(option.blocks)
        blocks = text(f"{count} 个街块", f"{count} block{'s' * (count > 1)}")
        return text(f"移动 {blocks} 到 {option.to}", f"Move {blocks} to {option.to}")
    codes = text("、", ", ").join(option.codes)
    if option.action == "split":
        return text(f"绕开建筑拆分 {codes}", f"Split {codes}, led round the buildings")
    chinese, english = ACTIONS.get(option.action, (option.action, option.action))
    return text(f"{chinese} {codes}", f"{english} {codes}")


def edit_text(action: str, grids: int, blocks: int, households: float | None, took_back: str | None) -> str:
    """Return one line about an edit that was done, taken back (``undo``) or done again (``redo``)."""
    said = [text(*ACTIONS.get(action, (action, action))), text(f"{blocks:,} 个街块", f"{blocks:,} blocks")]
    if took_back:
        said[0] = f"{text(*ACTIONS[took_back])}{text('：', ': ')}{said[0]}"
    if households is not None:
        said.append(text(f"{households:,.0f} 户", f"{households:,.0f} households"))
    return " · ".join([*said, text(f"{grids:,} 个网格", f"{grids:,} grids")])
