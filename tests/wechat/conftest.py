import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def vectors(vectors_folder: Path) -> dict[str, Any]:
    """Computed protocol vectors, which lie beside the checkout."""
    path = vectors_folder / "wechat_vectors.json"
    if not path.is_file():
        pytest.skip("wechat_vectors.json is not beside this checkout")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
