"""redun's settings, in its `.redun/redun.ini`: large values go to files, as its page on them advises.

https://insitro.github.io/redun/values.html, https://insitro.github.io/redun/config.html
"""

from pathlib import Path
from typing import Any


def prepare(work: str, *given: Any) -> None:
    folder = Path(".redun")
    folder.mkdir()
    (folder / "redun.ini").write_text(
        "[backend]\n"
        "db_uri = sqlite:///redun.db\n"
        "value_store_path = values\n"
        "max_value_size = 4000000000\n"
    )
