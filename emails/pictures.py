"""Pictures in mails: taken in as pixels and nothing else, and kept where recipients can fetch them.

What is uploaded is decoded and encoded anew. Whatever else the file holds stays behind: where a photo was taken, a
comment, a script behind the last pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from PIL import Image as Pictures
from PIL import ImageCms, ImageOps, ImageSequence

from emails.models import Image

# Never SVG, which may hold scripts and links to elsewhere.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
BYTES_AT_MOST = 10 * 1024 * 1024
# A file of a few kilobytes can unfold to gigabytes; its own header says how many pixels come.
PIXELS_AT_MOST = 25_000_000
# Of a JPEG only as many are ever decoded as its smaller copy needs.
JPEG_PIXELS_AT_MOST = 80_000_000
FRAMES_AT_MOST = 200
# Twice the width of a mail, for screens with two pixels where others have one.
WIDTH_AT_MOST, HEIGHT_AT_MOST = 1200, 4000
_QUALITY = 85
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif"}


def store_picture(file: Any, user: Any) -> Image:
    """Keep what was uploaded, made ready for mails. Raises ``ValidationError`` with what is wrong with it."""
    size, kind, content = _made_ready(file)
    image = Image(content_type=_TYPES[kind], owner=user, width=size[0], height=size[1])
    image.size = len(content)
    name = f"{image.key}.{image.extension}"
    storage = image.file.storage
    image.file.save(name, ContentFile(content), save=False)
    try:
        with transaction.atomic():
            image.save()
    except BaseException:
        storage.delete(str(image.file.name))
        raise
    return image


def _made_ready(file: Any) -> tuple[tuple[int, int], str, bytes]:
    if not file or not file.size:
        raise ValidationError(_("Choose a picture: the file is empty."))
    if file.size > BYTES_AT_MOST:
        raise ValidationError(
            _("The picture has %(size)s; at most %(most)s are taken. Save it smaller first.")
            % {"size": filesizeformat(file.size), "most": filesizeformat(BYTES_AT_MOST)}
        )
    try:
        with Pictures.open(file, formats=FORMATS) as picture:
            _check_size(picture)
            return _encoded(picture)
    except ValidationError:
        raise
    except (Pictures.DecompressionBombError, Pictures.DecompressionBombWarning):
        raise ValidationError(_too_large()) from None
    # Decoders raise whatever a broken file leads them to.
    except Exception:
        raise ValidationError(
            _("This is no picture that can be read. Choose a PNG, JPEG, GIF or WebP file.")
        ) from None


def _check_size(picture: Pictures.Image) -> None:
    pixels = picture.width * picture.height
    frames = getattr(picture, "n_frames", 1)
    most = JPEG_PIXELS_AT_MOST if picture.format == "JPEG" else PIXELS_AT_MOST
    if pixels > most or (frames > 1 and pixels * frames > 2 * PIXELS_AT_MOST):
        raise ValidationError(_too_large())
    if frames > FRAMES_AT_MOST:
        raise ValidationError(
            _("The picture moves for %(number)d frames; at most %(most)d are taken.")
            % {"number": frames, "most": FRAMES_AT_MOST}
        )


def _too_large() -> str:
    return _(
        "The picture has too many pixels. Make it smaller first: mails show 600 across, and 1,200 are plenty."
    )


def _encoded(picture: Pictures.Image) -> tuple[tuple[int, int], str, bytes]:
    if picture.format == "GIF" and getattr(picture, "n_frames", 1) > 1:
        return _moving(picture)
    kind = picture.format
    if kind == "JPEG":
        picture.draft("RGB", (WIDTH_AT_MOST, WIDTH_AT_MOST))
    still = _in_srgb(ImageOps.exif_transpose(picture))
    still.thumbnail((WIDTH_AT_MOST, HEIGHT_AT_MOST))
    # WebP is shown by browsers, but not by every mail program.
    if still.mode == "RGB" and kind in ("JPEG", "WEBP"):
        return _written(still, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return _written(still, "PNG", optimize=True)


def _in_srgb(picture: Pictures.Image) -> Pictures.Image:
    """In the colours that everybody means by numbers, with transparency where it has any, and without its notes."""
    profile = picture.info.get("icc_profile")
    see_through = picture.has_transparency_data
    mode = "RGBA" if see_through else "RGB"
    if profile and picture.mode in ("RGB", "RGBA", "CMYK"):
        try:
            given = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(
                picture, given, ImageCms.createProfile("sRGB"), outputMode=mode
            )
            picture = converted or picture
        except ImageCms.PyCMSError:
            # A profile that does not fit its picture says nothing about it.
            pass
    converted = picture.convert(mode)
    converted.info = {}
    return converted


def _moving(picture: Pictures.Image) -> tuple[tuple[int, int], str, bytes]:
    if picture.width > WIDTH_AT_MOST:
        raise ValidationError(
            _("A moving picture has at most %(most)d pixels across; this has %(number)d.")
            % {"most": WIDTH_AT_MOST, "number": picture.width}
        )
    loop = int(picture.info.get("loop", 0))
    frames, durations = [], []
    for frame in ImageSequence.Iterator(picture):
        durations.append(int(frame.info.get("duration", 100)))
        one = frame.convert("RGBA")
        one.info = {}
        frames.append(one)
    return _written(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=loop,
        disposal=2,
    )  # fmt: skip


def _written(
    picture: Pictures.Image, kind: str, **options: Any
) -> tuple[tuple[int, int], str, bytes]:
    found = BytesIO()
    write: Callable[..., None] = picture.save
    write(found, kind, **options)
    return picture.size, kind, found.getvalue()
