"""Fetch the front-end files and put the few we serve into app/static/vendor/.

    python -m scripts.assets [--force] [--quiet]

`npm ci` installs exactly what package-lock.json names, without running any
package's scripts; the files listed below are copied out of node_modules, and
`manifest.json` gives each its content hash, so that a browser may keep it for
ever:

    {"vendor/tabler.min.css": "vendor/tabler.min.css?v=3f1c2a9b7e", ...}

Names and values are relative to app/static. Nothing here is committed.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts.bootstrap import ROOT, SetupError, exclusive, say

MODULES = ROOT / "node_modules"
VENDOR = ROOT / "app" / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
STAMP = VENDOR / ".installed"

FILES = {
    "weui.min.css": "weui/dist/style/weui.min.css",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    # The CSP build evaluates no strings, so pages need no unsafe-eval.
    "alpine-csp.min.js": "@alpinejs/csp/dist/cdn.min.js",
    "echarts.common.min.js": "echarts/dist/echarts.common.min.js",
    # With maps, for the pages that have one.
    "echarts.min.js": "echarts/dist/echarts.min.js",
    # ECharts 4 was the last to bring China's provinces along (Apache-2.0).
    "china.json": "echarts-maps-of-4/map/json/china.json",
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "quill.js": "quill/dist/quill.js",
    "quill.snow.css": "quill/dist/quill.snow.css",
    # Only the page of the open API's document loads these.
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
}
# For posters, which the server draws: every character of GBK, under the OFL.
FONTS = ("NotoSansHans-Regular.otf", "NotoSansHans-Bold.otf")
# Copied as vendor/icons/NAME.svg, and all into one sprite: an <svg><use> of
# vendor/icons.svg#NAME takes the text's colour, which an <img> cannot. The package
# has 2,000; these are in use.
ICONS = """
    arrow-left arrow-repeat award-fill bag bag-fill bell bell-fill box-arrow-right
    box-seam calendar3 camera cart-fill cart3 cash-coin
    chat-dots check-circle check-lg chevron-down chevron-left chevron-right clock
    clipboard-data credit-card diagram-3 download exclamation-triangle eye
    file-earmark-text gear gift graph-up grid grid-fill headset heart heart-fill house
    house-door house-door-fill image images info-circle list lock megaphone pencil people
    percent person person-circle person-fill plus-lg printer qr-code qr-code-scan question-circle
    receipt search share shield-check shop sliders speedometer2 star star-fill
    tags ticket-perforated trash truck wallet2 wechat x-lg
""".split()


# Provinces, cities, counties as nested lists; the package has a dictionary of each.
REGIONS = """
import { areaList as a } from "@vant/area-data";
const below = (list, prefix) => Object.entries(list).filter(([code]) => code.startsWith(prefix));
console.log(JSON.stringify(Object.entries(a.province_list).map(([code, name]) => [code, name,
  below(a.city_list, code.slice(0, 2)).map(([city, cityName]) => [city, cityName,
    below(a.county_list, city.slice(0, 4))])])));
"""


def build(*, force: bool = False) -> bool:
    """Make app/static/vendor agree with the lock file; return whether work was done."""
    with exclusive("assets"):
        stamp = _stamp()
        built = MANIFEST.exists() and STAMP.exists() and STAMP.read_text() == stamp
        if built and not force:
            return False
        started = time.monotonic()
        say("正在准备前端文件（npm ci）… / fetching the front-end files (npm ci) …")
        _npm_ci()
        _copy()
        MANIFEST.write_text(json.dumps(_manifest(), indent=1, sort_keys=True) + "\n")
        STAMP.write_text(stamp)
        say(f"  前端文件就绪 / front-end files ready ({time.monotonic() - started:.0f} s)")
    return True


def _stamp() -> str:
    """Hash of all that decides the result."""
    sha = hashlib.sha256((ROOT / "package-lock.json").read_bytes())
    # This program, too: a change of what it makes must reach every checkout.
    sha.update(Path(__file__).read_bytes())
    return sha.hexdigest()


def _npm_ci() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(
            "没有找到 npm：请安装 Node.js 20 或更新版本。\n"
            "npm was not found: please install Node.js 20 or newer."
        )
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SetupError(
            "npm ci 失败，请检查网络与 npm 设置 / npm ci failed:\n"
            + (done.stderr or done.stdout).strip()[-2000:]
        )


def _copy() -> None:
    """Replace the vendor folder as a whole, so a removed file does not linger."""
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "icons").mkdir(parents=True)
    for name, source in FILES.items():
        text = (MODULES / source).read_bytes()
        # The maps are not served; a browser asking for them would log a 404 each time.
        text = b"\n".join(
            line
            for line in text.split(b"\n")
            if not line.lstrip(b"/*#@ ").startswith(b"sourceMappingURL=")
        )
        (fresh / name).write_bytes(text)
    for icon in ICONS:
        shutil.copyfile(
            MODULES / "bootstrap-icons" / "icons" / f"{icon}.svg",
            fresh / "icons" / f"{icon}.svg",
        )
    (fresh / "fonts").mkdir()
    for font in FONTS:
        shutil.copyfile(MODULES / "@embedpdf/fonts-sc/fonts" / font, fresh / "fonts" / font)
    (fresh / "regions.json").write_text(_regions(), encoding="utf-8")
    (fresh / "icons.svg").write_text(_sprite(fresh / "icons"), encoding="utf-8")
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


def _regions() -> str:
    """The data of the region picker, of which pages and the server read one file."""
    done = subprocess.run(
        ["node", "--input-type=module", "-e", REGIONS], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SetupError(f"node could not read the regions:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def _sprite(folder: Path) -> str:
    symbols = []
    for name in sorted(ICONS):
        text = (folder / f"{name}.svg").read_text(encoding="utf-8")
        opening, inside = text.split(">", 1)
        box = re.search(r'viewBox="[^"]+"', opening)
        if box is None:
            raise SetupError(f"{name}.svg has no viewBox")
        shapes = inside.removesuffix("\n").removesuffix("</svg>").strip()
        symbols.append(f'<symbol id="{name}" {box[0]} fill="currentColor">{shapes}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(symbols) + "</svg>\n"


def _manifest() -> dict[str, str]:
    manifest = {}
    for path in sorted(VENDOR.rglob("*")):
        if path.suffix in {".css", ".js", ".json", ".svg"} and path != MANIFEST:
            name = path.relative_to(VENDOR.parent).as_posix()
            version = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
            manifest[name] = f"{name}?v={version}"
    return manifest


def main() -> int:
    try:
        if not build(force="--force" in sys.argv[1:]) and "--quiet" not in sys.argv[1:]:
            say("前端文件已是最新 / front-end files are up to date")
    except SetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
