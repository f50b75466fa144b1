"""Provinces, cities and counties (省市区), as the region picker offers them.

The data is GB/T 2260's, from the npm package @vant/area-data; `scripts/assets.py`
writes it where the picker's script fetches it and this module reads it, so that
both always agree: `[[code, name, [[code, name, [[code, name], …]], …]], …]`.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "static" / "vendor" / "regions.json"

# Names of levels that exist for the code's sake only; nobody writes them on a parcel.
_NOT_WRITTEN = frozenset({"县", "省直辖县", "自治区直辖县", "自治区直辖县级行政区划"})


@dataclass(frozen=True)
class Region:
    """A county of a city of a province; `code` has six digits."""

    code: str
    province: str
    city: str
    county: str

    @property
    def written(self) -> str:
        """As on a parcel: `浙江省 杭州市 西湖区`, `北京市 东城区`."""
        parts = [self.province]
        if self.city != self.province and self.city not in _NOT_WRITTEN:
            parts.append(self.city)
        return " ".join([*parts, self.county])


def find(text: str) -> Region | None:
    """The county that `text` names in full, with spaces or without; None if there is none."""
    return _by_name().get("".join(text.split()))


@lru_cache(maxsize=1)
def _by_name() -> dict[str, Region]:
    """Every county by its full name, and by the name as it is written."""
    try:
        provinces = json.loads(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RuntimeError("regions.json is missing: run python -m scripts.assets") from error
    found = {}
    for _, province, cities in provinces:
        for _, city, counties in cities:
            for code, county in counties:
                region = Region(code, province, city, county)
                found[f"{province}{city}{county}"] = region
                found.setdefault("".join(region.written.split()), region)
    return found


@dataclass(frozen=True)
class Province:
    """A province; `code` is the first two digits of GB/T 2260, `short` its name on maps."""

    code: int
    name: str
    short: str


# What a province's full name has behind the name on maps.
_KINDS = ("特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "省", "市")


@lru_cache(maxsize=1)
def provinces() -> dict[int, Province]:
    """Every province by its code."""
    found = {}
    for code, name, _ in json.loads(FILE.read_text(encoding="utf-8")):
        short = next((name.removesuffix(kind) for kind in _KINDS if name.endswith(kind)), name)
        found[int(code[:2])] = Province(int(code[:2]), name, short)
    return found


@lru_cache(maxsize=10_000)
def province_code(text: str) -> int:
    """The code of the province that a written address begins with; 0 where there is none."""
    return next((p.code for p in provinces().values() if text.startswith(p.short)), 0)
