"""The same answers in another TOML style: inline tables, other order, more digits, no comments."""

import tomllib
from pathlib import Path

path = Path("answers.toml")
answers = tomllib.loads(path.read_text())


def plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else repr(value)


lines = []
for table in reversed(answers):
    pairs = ", ".join(f"{key} = {plain(value)}" for key, value in reversed(answers[table].items()))
    lines.append(f"{table} = {{ {pairs} }}")
path.write_text("\n".join(lines) + "\n")
