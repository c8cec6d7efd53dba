"""The door: HTTP over a plan and its people, read-only; thin routes around the functions of the floors below."""
