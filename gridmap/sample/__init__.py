"""The synthetic county behind make demo."""
