"""Pictures in mails: pixels and nothing else, at addresses that nobody guesses."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pictures
from PIL import ImageCms
from PIL.PngImagePlugin import PngInfo

from crm.accounts.models import User
from emails import pictures
from emails.models import Image
from emails.pictures import store_picture

SECRET = b"taken at 52.5 N 13.4 E"


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def made(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    found = BytesIO()
    Pictures.new(mode, size, (200, 30, 30, 90)[: len(mode)]).save(found, kind, **options)
    return found.getvalue()


def uploaded(content: bytes, name: str = "x.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/png")


def stored(content: bytes, name: str = "x.png") -> tuple[Image, Pictures.Image]:
    image = store_picture(uploaded(content, name), None)
    return image, Pictures.open(BytesIO(image.file.read()))


def refusal(content: bytes, name: str = "x.png") -> str:
    with pytest.raises(ValidationError) as refused:
        store_picture(uploaded(content, name), None)
    return refused.value.messages[0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "mode", "kept_as"),
    [
        ("PNG", "RGB", "image/png"),
        ("PNG", "RGBA", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("GIF", "RGB", "image/png"),
        ("WEBP", "RGB", "image/jpeg"),
        ("WEBP", "RGBA", "image/png"),
    ],
)
def test_what_it_is_is_told_by_what_it_holds_and_not_by_its_name(kind, mode, kept_as):
    image, picture = stored(made(kind, mode=mode), "photo.exe")
    assert (image.content_type, Pictures.MIME[str(picture.format)]) == (kept_as, kept_as)
    assert (image.width, image.height) == picture.size == (40, 30)
    assert picture.mode == ("RGBA" if mode == "RGBA" else "RGB")
    assert image.size == image.file.size


@pytest.mark.django_db
def test_nothing_stays_but_the_pixels(media):
    notes = PngInfo()
    notes.add_text("Comment", SECRET.decode())
    notes.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    exif = Pictures.Exif()
    exif[0x010E] = SECRET.decode()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    files = [
        made("PNG", pnginfo=notes, exif=exif, icc_profile=profile),
        made("JPEG", exif=exif, comment=SECRET, icc_profile=profile),
        made("WEBP", exif=exif, xmp=SECRET),
        made("GIF", comment=SECRET),
        _moving(comment=SECRET),
        made("PNG") + b"<script>" + SECRET + b"</script>",
    ]
    for file in files:
        image, picture = stored(file)
        content = image.file.open("rb").read()
        assert SECRET not in content
        assert b"<script" not in content
        assert not {"exif", "icc_profile", "comment", "xmp"} & picture.info.keys()
    assert len(list(media.rglob("*.*"))) == len(files)


@pytest.mark.django_db
def test_a_photo_taken_on_its_side_stands_upright():
    exif = Pictures.Exif()
    exif[0x0112] = 6
    image, _picture = stored(made("JPEG", (40, 30), exif=exif))
    assert (image.width, image.height) == (30, 40)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_photo_is_made_no_wider_than_a_mail_needs(kind):
    image, _picture = stored(made(kind, (2400, 1000)))
    assert (image.width, image.height) == (1200, 500)


def _moving(size: tuple[int, int] = (20, 10), number: int = 3, **options: Any) -> bytes:
    found = BytesIO()
    frames = [Pictures.new("RGB", size, (shade * 60 % 256, 0, 0)) for shade in range(number)]
    frames[0].save(
        found, "GIF", save_all=True, append_images=frames[1:], duration=70, loop=0, **options
    )
    return found.getvalue()


@pytest.mark.django_db
def test_a_picture_that_moves_goes_on_moving():
    image, picture = stored(_moving())
    assert image.content_type == "image/gif"
    assert (picture.n_frames, picture.info["duration"], picture.info["loop"]) == (3, 70, 0)  # type: ignore[attr-defined]


def _png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no picture"),
        (b"<html><script>alert(1)</script></html>", "no picture"),
        (b"GIF89a<script>alert(1)</script>", "no picture"),
        (b"%PDF-1.4", "no picture"),
        (made("BMP"), "no picture"),
        (made("TIFF"), "no picture"),
        (made("PNG")[:60], "no picture"),
        (made("JPEG")[:400], "no picture"),
        (_png_that_claims(6_000, 6_000), "too many pixels"),
        (_png_that_claims(60_000, 60_000), "too many pixels"),
        (_moving(number=201), "201 frames"),
        (_moving((1300, 10), 2), "1300"),
    ],
)
def test_what_is_no_picture_or_too_much_of_one_is_refused(content, told, media):
    assert told in refusal(content)
    assert list(media.rglob("*.*")) == []
    assert not Image.objects.exists()


@pytest.mark.django_db
def test_a_file_that_is_too_large_is_not_looked_at(monkeypatch):
    monkeypatch.setattr(pictures, "BYTES_AT_MOST", 50)
    assert "at most 50" in refusal(made("PNG"))


@pytest.mark.django_db
def test_a_picture_that_cannot_be_noted_leaves_no_file(media, monkeypatch):
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(Image, "save", fail)
    with pytest.raises(RuntimeError):
        store_picture(uploaded(made("PNG")), None)
    assert list(media.rglob("*.*")) == []


# -- served


@pytest.fixture
def anna(db) -> User:
    return User.objects.create_user("anna")


def test_recipients_fetch_it_without_signing_in(client, anna):
    image, _picture = stored(made("PNG"))
    answer = client.get(image.path)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == image.file.open("rb").read()
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "default-src 'none'; sandbox" in answer["Content-Security-Policy"]
    assert not answer.cookies


def test_it_is_cached_for_who_is_signed_in_too(client, anna):
    image, _picture = stored(made("PNG"))
    client.force_login(anna)
    assert "immutable" in client.get(image.path)["Cache-Control"]


def test_nobody_guesses_or_changes_a_picture(client, anna):
    image, _picture = stored(made("PNG"))
    assert len({image.key, stored(made("PNG"))[0].key}) == 2
    # 128 bits.
    assert len(image.key) == 22
    for path in (
        f"/i/{'a' * 22}.png", f"/i/{image.key}.gif", f"/i/{image.key[:-1]}.png", f"/i/{image.pk}.png",
        f"/i/../{image.file.name}", "/i/", f"/media/{image.file.name}",
    ):  # fmt: skip
        assert client.get(path).status_code in (302, 404), path
    assert client.get(f"/i/{'a' * 22}.png").status_code == 404
    assert client.post(image.path).status_code == 405


def test_a_picture_whose_file_is_gone_is_not_there(client, anna, media):
    image, _picture = stored(made("PNG"))
    (media / str(image.file.name)).unlink()
    assert client.get(image.path).status_code == 404
