"""What this project sets; `SIZES` is ours: pipelines made from settings, as Kedro's own blog shows.

https://getindata.com/blog/kedro-dynamic-pipelines/
"""

import json
from pathlib import Path

SIZES = json.loads((Path(__file__).parents[2] / "sizes.json").read_text())
