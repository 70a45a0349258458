"""`added_1` to `added_N`, each one more than the one before."""

from hamilton.function_modifiers import ResolveAt, parameterize, resolve, source


@resolve(
    when=ResolveAt.CONFIG_AVAILABLE,
    decorate_with=lambda count: parameterize(
        **{f"added_{n + 1}": {"number": source(f"added_{n}")} for n in range(count)}
    ),
)
def added(number: int) -> int:
    return number + 1
