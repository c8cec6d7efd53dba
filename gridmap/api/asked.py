"""What a request asks, read strictly: every value that does not fit is named, and so is every one that is not known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from gridmap.api.errors import RequestError
from gridmap.api.models import FieldProblem

_SHOWN: Final = 80
M = TypeVar("M", bound=BaseModel)


def read_query(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """Return the dependency that reads a query.

    FastAPI would do the same in five times the time, and take one of two values that contradict each other.

    Parameters
    ----------
    model
        Fields of text, numbers and truth values; it forbids what it does not know.
    """

    async def read(request: Request) -> M:
        pairs = request.query_params.multi_items()
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            raise refused(_twice(name) for name in values if names.count(name) > 1)
        return read_values(model, values, "query")

    return read


def read_values(model: type[M], values: Mapping[str, Any], where: str) -> M:
    """Read values that came from somewhere.

    Raises
    ------
    RequestError
        Naming every value that does not fit.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise refused(field_problem(each, where) for each in error.errors(include_url=False)) from None


def parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the fields of a query as parameters of an OpenAPI operation, its own before those that it inherits.

    Examples
    --------
    >>> from pydantic import Field
    >>> class Asked(BaseModel):
    ...     lon: float = Field(description="degrees")
    >>> [(each["name"], each["in"], each["required"], each["description"]) for each in parameters(Asked)]
    [('lon', 'query', True, 'degrees')]
    """
    schema = model.model_json_schema()
    needed = schema.get("required", [])
    inherited = [name for base in model.__mro__[1:] for name in getattr(base, "model_fields", {})]
    return [
        {"name": name, "in": "query", "required": name in needed, "description": said["description"], "schema": said}
        for name, said in sorted(schema["properties"].items(), key=lambda each: each[0] in inherited)
    ]


def refused(found: Iterable[FieldProblem]) -> RequestError:
    """Return the error that names values which cannot be used."""
    errors = tuple(found)
    said = "; ".join(f"{each.name}: {each.reason}" + (f" ({each.value})" if each.value else "") for each in errors)
    return RequestError(said, errors)


def field_problem(said: Mapping[str, Any], where: str, names: Iterable[object] | None = None) -> FieldProblem:
    """Return what pydantic says of one value."""
    value = said.get("input")
    return FieldProblem(
        where=where,
        name=".".join(map(str, names if names is not None else said["loc"])),
        reason="there is no such parameter here" if said["type"] == "extra_forbidden" else str(said["msg"]),
        value=repr(value)[:_SHOWN] if isinstance(value, str | int | float) else None,
    )


def _twice(name: str) -> FieldProblem:
    return FieldProblem(where="query", name=name, reason="stands there more than once; say it once")
