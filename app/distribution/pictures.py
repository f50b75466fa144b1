"""Drawing the codes that distributors show (推广码图片)."""

import io

import qrcode
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M

# Choosing the best of eight masks takes most of the time and no reader needs it.
MASK = 3
# Dark and light modules in the quiet zone: four, as the standard asks.
QUIET_ZONE = 4


def qr_png(text: str, *, size: int) -> bytes:
    """A QR code that says `text` as a PNG of at most `size` pixels a side.

    Modules are whole pixels, so that no reader meets a grey edge.
    """
    code = qrcode.QRCode(
        error_correction=ERROR_CORRECT_M, box_size=1, border=QUIET_ZONE, mask_pattern=MASK
    )
    code.add_data(text)
    code.make(fit=True)
    small = code.make_image().get_image().convert("1")
    side = small.width * max(1, size // small.width)
    out = io.BytesIO()
    small.resize((side, side), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()
