"""A page that tells what is not so is caught, whatever it gets wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.story import blocks, tell

TRUE = """
```python title="two.py"
print("one")
print("two   spaces")
print("three lines")
print("load reused 14.05 ms")
raise SystemExit(3)
```

```console
$ python two.py    # exit code 3
one
two … spaces
…
load … 14.05 ms
$ make nothing
```

<!-- not run: for it would fail -->
```python
1 / 0
```

- an item with

  ```console
  $ echo inside
  inside
  ```
"""

FALSE = {
    "another output": ("one\ntwo …", "one\nthree"),
    "another order": ("one\ntwo … spaces", "two … spaces\none"),
    "another number": ("load … 14.05 ms", "load … 4.05 ms"),
    "half a number": ("load … 14.05 ms", "load … 14.0"),
    "half a word": ("load … 14.05 ms", "oad … 14.05 ms"),
    "half a line": ("load … 14.05 ms", "load reused"),
    "words of another line": ("one\ntwo … spaces", "one … spaces"),
    "too many lines": ("…\nload", "three lines\nthree lines\nload"),
    "another exit code": ("    # exit code 3", ""),
    "a script that fails": ("<!-- not run: for it would fail -->\n", ""),
    "a configuration without a name": ("  ```console\n  $ echo", "  ```toml\n  $ echo"),
    "a command in a list": ("  inside\n", "  outside\n"),
}


def page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text)
    return path


def test_a_true_page_passes(tmp_path: Path) -> None:
    tell(page(tmp_path, TRUE), tmp_path)


@pytest.mark.parametrize("wrong", FALSE)
def test_a_false_page_is_caught(tmp_path: Path, wrong: str) -> None:
    before, after = FALSE[wrong]
    assert before in TRUE
    with pytest.raises(AssertionError, match=r"page\.md"):
        tell(page(tmp_path, TRUE.replace(before, after, 1)), tmp_path)


def test_an_excuse_is_of_the_next_block_only(tmp_path: Path) -> None:
    excuses = [block.excuse for block in blocks(page(tmp_path, TRUE))]
    assert excuses == ["", "", "for it would fail", ""]
