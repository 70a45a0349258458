"""Images, and figures of matplotlib and plotly: what they show is kept, and can be looked at."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import plotly.express as px
import plotly.graph_objects as go
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageSequence, PngImagePlugin

from penstock.errors import SerializationError, Untrusted
from penstock.serializers import default_serializers
from penstock.serializers.images import EXACT
from penstock.testing.serializer import Artifacts, SerializerContract, artifacts

matplotlib.use("Agg")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "La", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16B")  # fmt: skip


def noise(mode: str, size: tuple[int, int] = (13, 7)) -> Image.Image:
    length = len(Image.new(mode, size).tobytes())
    data = np.random.default_rng(len(mode)).integers(0, 256, length, dtype=np.uint8)
    if mode == "F":
        data = np.arange(length // 4, dtype="<f4").view(np.uint8)
    image = Image.frombytes(mode, size, data.tobytes())
    if mode in ("P", "PA"):
        image.putpalette(list(range(30)))
    return image


def photo() -> Image.Image:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "a hill"
    noise("RGB").save(buffer, "JPEG", exif=exif, icc_profile=b"profile", dpi=(300, 300))
    return Image.open(buffer)


def animation() -> Image.Image:
    buffer = io.BytesIO()
    frames = [noise("L"), noise("RGB").convert("L")]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return Image.open(buffer)


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


class Everyday(SerializerContract):
    """By way of all serializers: what is known of a picture is plain values."""

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Artifacts:
        return artifacts(*default_serializers(), root=tmp_path)


class TestImages(Everyday):
    serializer = next(s for s in default_serializers() if s.name == "pillow").load()
    values = {
        **{mode: noise(mode) for mode in MODES},
        "nothing": Image.new("RGB", (0, 5)),
        "photo": photo(),
        "about": noise("L", (3, 3)),
        "a mask of classes": Image.frombytes("P", (16, 16), bytes(range(256))),
    }
    values["about"].info["source"] = ("a camera", 3)

    def same(self, one: Any, other: Any) -> bool:
        return type(one) is Image.Image and one == other.copy()


def test_a_palette_keeps_its_transparent_colours(shelf: Artifacts) -> None:
    image = Image.frombytes("P", (2, 1), b"\x00\x01")
    image.putpalette(bytes(range(8)), "RGBA")
    manifest, _ = shelf.encode(image)
    back = shelf.decode(manifest)
    assert (back.getpalette(None), back.tobytes()) == ([*range(8)], b"\x00\x01")
    assert back.convert("RGBA").tobytes() == bytes(range(8))
    assert shelf.digest(back) == manifest.content


@pytest.mark.parametrize("mode", MODES)
def test_png_is_used_where_it_loses_nothing(shelf: Artifacts, mode: str) -> None:
    manifest, _ = shelf.encode(noise(mode))
    assert not manifest.unsafe
    assert manifest.files[0].name == ("picture.png" if mode in EXACT else "pixels.raw")
    assert (manifest.meta["mode"], manifest.meta["shape"]) == (mode, [13, 7])


def test_what_a_camera_wrote_about_a_photo_is_kept(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode(photo())
    back = shelf.decode(manifest)
    assert back.getexif()[0x010E] == "a hill"
    assert back.info["icc_profile"] == b"profile"
    assert back.info["dpi"] == photo().info["dpi"]
    assert not manifest.unsafe


def test_texts_of_a_png_are_kept(shelf: Artifacts) -> None:
    buffer, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_itxt("Title", "a hill", lang="en")
    noise("L").save(buffer, "PNG", pnginfo=text)
    with Image.open(buffer) as image:
        image.load()
        back = shelf.decode(shelf.encode(image)[0])
    assert back.info["Title"] == "a hill"


def test_an_animation_is_refused_with_the_way_to_keep_it(shelf: Artifacts) -> None:
    with pytest.raises(SerializationError, match="animated image of 2 frames") as refused:
        shelf.encode(animation())
    assert "ImageSequence" in refused.value.hint
    frames = [frame.copy() for frame in ImageSequence.Iterator(animation())]
    manifest, items = shelf.encode(frames)
    assert (manifest.items, len(items)) == (2, 2)
    assert shelf.decode(manifest) == frames


def test_a_broken_file_is_told_when_it_is_stored(shelf: Artifacts) -> None:
    buffer = io.BytesIO()
    noise("RGB", (200, 200)).save(buffer, "JPEG")
    image = Image.open(io.BytesIO(buffer.getvalue()[:2000]))
    with pytest.raises(SerializationError, match="an image cannot be read"):
        shelf.encode(image)


# ---- matplotlib


@pytest.fixture
def figure() -> Iterator[Figure]:
    figure, axes = plt.subplots(figsize=(3, 2), dpi=50)
    axes.plot([1, 2, 3], [3.0, 1.0, 2.0], label="a")
    axes.scatter([1, 2], [1, 2], c=[0.1, 0.2])
    axes.imshow(np.arange(4).reshape(2, 2))
    axes.set_title("Rides")
    yield figure
    plt.close(figure)


def drawn(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="rgba", dpi=figure.dpi)
    return buffer.getvalue()


def test_a_figure_is_a_picture_and_a_figure(shelf: Artifacts, figure: Figure) -> None:
    manifest, _ = shelf.encode(figure)
    assert (manifest.serializer, manifest.unsafe) == ("matplotlib", True)
    assert manifest.meta["shape"] == [150, 100]
    assert manifest.meta["titles"] == ["Rides"]
    picture, pickled = manifest.files
    assert (picture.name, pickled.name) == ("picture.png", "figure.pickle")
    with Image.open(shelf.store.path(picture, verify=True)) as image:
        assert image.size == (150, 100)
    before = plt.get_fignums()
    back = shelf.decode(manifest)
    assert plt.get_fignums() == before, "it opens no window"
    assert drawn(back) == drawn(figure)
    assert back.axes[0].lines[0].get_ydata().tolist() == [3.0, 1.0, 2.0]
    assert figure.canvas.manager is not None


def test_the_content_of_a_figure_is_what_it_shows_and_its_data(
    shelf: Artifacts, figure: Figure
) -> None:
    content = shelf.encode(figure)[0].content
    assert shelf.digest(figure) == content
    assert shelf.digest(shelf.decode(shelf.encode(figure)[0])) == content
    (line,) = figure.axes[0].lines
    line.set_ydata([3.0, 1.0, 2.0 + 1e-12])
    nearly = shelf.digest(figure)
    assert nearly != content
    figure.axes[0].set_title("Hours")
    assert shelf.digest(figure) not in (content, nearly)


def test_the_content_of_a_figure_is_the_same_in_every_process(shelf: Artifacts) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from matplotlib.figure import Figure\n"
        "from penstock.serializers import default_serializers\n"
        "from penstock.testing.serializer import artifacts\n"
        "figure = Figure(); figure.subplots().plot([1, 2])\n"
        "print(artifacts(*default_serializers(), root=Path('.')).encode(figure)[0].content)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    figure = Figure()
    figure.subplots().plot([1, 2])
    assert done.stdout.strip() == shelf.digest(figure)


def test_axes_come_back_with_their_figure(shelf: Artifacts, figure: Figure) -> None:
    manifest, _ = shelf.encode(figure.axes[0])
    assert manifest.serializer == "matplotlib"
    assert drawn(shelf.decode(manifest).figure) == drawn(figure)


def test_a_strangers_figure_is_not_loaded_and_still_seen(shelf: Artifacts, figure: Figure) -> None:
    manifest, _ = shelf.encode(figure)
    stranger = artifacts(*default_serializers(), root=shelf.root, key=bytes(32))
    stranger.store = shelf.store
    with pytest.raises(Untrusted):
        stranger.decode(manifest)
    assert stranger.store.path(manifest.files[0], verify=True).stat().st_size > 500


def test_a_figure_that_cannot_be_drawn_is_told(shelf: Artifacts, figure: Figure) -> None:
    figure.axes[0].xaxis.set_major_formatter(lambda value, position: 1 / 0)
    with pytest.raises(SerializationError, match="cannot be drawn: ZeroDivisionError"):
        shelf.encode(figure)


# ---- plotly

RIDES = pd.DataFrame(
    {"city": ["a", "b"], "rides": [1, 2], "at": pd.to_datetime(["2024-01-01", "2024-01-02"])}
)


class TestCharts(Everyday):
    serializer = next(s for s in default_serializers() if s.name == "plotly").load()
    values = {
        "empty": go.Figure(),
        "lines": go.Figure(
            [go.Scatter(x=np.arange(3), y=[1, None, 2.5])], {"title": {"text": "T"}}
        ),
        "express": px.bar(RIDES, x="city", y="rides", color="city", hover_data=["at"]),
        "frames": go.Figure([go.Bar(y=[1])], frames=[go.Frame(name="a", data=[go.Bar(y=[2])])]),
        "surface": go.Figure(go.Surface(z=np.arange(6.0).reshape(2, 3))),
    }

    def test_a_copy_has_the_content_of_its_original(self, shelf: Artifacts) -> None:
        for name, value in self.values.items():
            # `copy.deepcopy` of a chart has smaller integers than its original.
            assert shelf.digest(go.Figure(value)) == shelf.digest(value), name


def test_a_chart_is_safe_and_its_arrays_are_exact(shelf: Artifacts) -> None:
    chart = TestCharts.values["express"]
    manifest, _ = shelf.encode(chart)
    assert not manifest.unsafe
    assert manifest.meta["traces"] == ["bar", "bar"]
    back = shelf.decode(manifest)
    for one, other in zip(back.data, chart.data, strict=True):
        assert one.y.dtype == other.y.dtype == np.int64
        assert one.x.dtype == other.x.dtype == object
        np.testing.assert_array_equal(one.customdata, other.customdata)
    assert back == chart
