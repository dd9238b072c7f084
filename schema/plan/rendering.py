"""A statement as text, for connections that are asked without SQLAlchemy."""

from typing import Any, Final

from sqlalchemy import BindParameter
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg, PGDialect_asyncpg
from sqlalchemy.sql import ClauseElement


class _Compiler(PGCompiler_asyncpg):
    def visit_bindparam(self, bindparam: BindParameter[Any], *args: Any, **options: Any) -> Any:
        # Only what is asked is a parameter. A plan that is to serve every value could not know that a role is that of
        # a partial index.
        options["literal_binds"] = options.get("literal_binds") or not bindparam.required
        return super().visit_bindparam(bindparam, *args, **options)  # type: ignore[no-untyped-call]


class _Dialect(PGDialect_asyncpg):
    statement_compiler = _Compiler
    supports_statement_cache = True


_DIALECT: Final = _Dialect()  # type: ignore[no-untyped-call]


def rendered(statement: ClauseElement) -> tuple[str, list[str]]:
    """The text with `$1`, `$2`, and the names of the parameters in that order.

    What a declaration compares with by itself stands in the text; what a client sends never does.
    """
    compiled: Any = statement.compile(dialect=_DIALECT)
    return str(compiled), list(compiled.positiontup or ())
