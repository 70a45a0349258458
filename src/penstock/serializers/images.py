"""Images of Pillow: pixels without loss, as PNG where it has the mode, and what is known about them.

An image that was opened from a file reads back as a plain `Image`, as its `copy()` would be.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.digest import digest_bytes, digest_struct
from penstock.core.ports import Encoded, Family, Files, Part
from penstock.core.records import Manifest
from penstock.errors import SerializationError, Unfit
from penstock.serializers.parts import read_part

PICTURE, PIXELS, INFO = "picture.png", "pixels.raw", "info/"
EXACT = frozenset(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"))
"""Modes that PNG keeps as they are."""
ENTRY = {"RGB": 3, "RGBA": 4}
"""Bytes of a colour in palettes that PNG has."""
SPEED = 1
"""Of zlib: the next level takes twice the time for a twentieth of the bytes."""


@dataclass(frozen=True)
class Images:
    name: str = field(default="pillow", init=False)
    walked: bool = field(default=False, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> Images:
        return Images(family)

    def accepts(self, value: object) -> bool:
        module = sys.modules.get("PIL.Image")
        return module is not None and isinstance(value, module.Image)

    def encode(self, value: Any, files: Files) -> Encoded:
        pixels = _pixels(value)
        meta: dict[str, Any] = {"mode": value.mode, "shape": [*value.size]}
        if palette := _palette(value):
            meta["palette"] = [palette[0], palette[1].hex()]
        if value.mode in EXACT and pixels and (palette is None or palette[0] in ENTRY):
            full = _full(palette) if value.mode == "P" else None
            bare = _image(value.mode, value.size, pixels, full)
            with files.create(PICTURE) as file:
                bare.save(file, "PNG", compress_level=SPEED)
        else:
            with files.create(PIXELS, len(pixels)) as file:
                file.write(pixels)
        if value.info:
            part = self._joined().write(dict(value.info), files, INFO)
            meta["info"] = msgspec.to_builtins(part)
            return Encoded(meta, self._content(value, pixels, palette), part.unsafe)
        return Encoded(meta, self._content(value, pixels, palette))

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        from PIL import Image

        meta = manifest.meta
        palette = (
            (meta["palette"][0], bytes.fromhex(meta["palette"][1])) if "palette" in meta else None
        )
        if PICTURE in files:
            with Image.open(io.BytesIO(_bytes(files[PICTURE]))) as opened:
                pixels = opened.tobytes()
        else:
            pixels = _bytes(files[PIXELS])
        image = _image(meta["mode"], tuple(meta["shape"]), pixels, palette)
        if "info" in meta:
            part = msgspec.convert(meta["info"], Part)
            image.info = read_part(self._joined(), part, INFO, manifest, files)
        return image

    def digest(self, value: Any) -> str:
        return self._content(value, _pixels(value), _palette(value))

    def _content(self, value: Any, pixels: bytes, palette: tuple[str, bytes] | None) -> str:
        info = self._joined().digest(dict(value.info)) if value.info else ""
        return digest_struct(
            "image", value.mode, value.size, digest_bytes(pixels), palette or (), info
        )

    def _joined(self) -> Family:
        if self.family is None:
            raise SerializationError(
                "what is known about an image needs the other serializers",
                hint="Use it by way of a stack's artifacts, or of `joined`.",
            )
        return self.family


def _pixels(value: Any) -> bytes:
    """As they lie in memory. Raises SerializationError for what cannot be read, or is several images."""
    if not type(value).__module__.startswith("PIL."):
        raise Unfit("a class of its own may be more than an image")
    if getattr(value, "n_frames", 1) > 1:
        raise SerializationError(
            f"an animated image of {value.n_frames} frames is not one image",
            hint="Return its frames: [frame.copy() for frame in ImageSequence.Iterator(image)], "
            "or the path of its file.",
        )
    try:
        return bytes(value.tobytes())
    except OSError as error:
        raise SerializationError(
            f"an image cannot be read: {error}", hint="Is its file whole, and still open?"
        ) from error


def _palette(value: Any) -> tuple[str, bytes] | None:
    if value.mode not in ("P", "PA"):
        return None
    colours = value.getpalette(None)
    return (value.im.getpalettemode(), bytes(colours)) if colours else None


def _full(palette: tuple[str, bytes] | None) -> tuple[str, bytes]:
    """With all 256 colours: a pixel may name one that the palette has not, and the file is as exact.

    Pillow writes as few bits of a pixel as the palette has colours; a mask of classes has none at all.
    """
    mode, colours = palette or ("RGB", b"")
    return mode, colours.ljust(256 * ENTRY[mode], b"\0")


def _image(
    mode: str, size: tuple[int, int], pixels: bytes, palette: tuple[str, bytes] | None
) -> Any:
    from PIL import Image

    image = Image.frombytes(mode, size, pixels) if pixels else Image.new(mode, size)
    if palette is not None:
        image.putpalette(palette[1], palette[0])
    return image


def _bytes(file: Path | bytes) -> bytes:
    return file if isinstance(file, bytes) else file.read_bytes()
