"""What is painted, on its way to the page: records of JSON and bytes, one after another in one answer.

length of the JSON (4 bytes, big-endian)   length of the body (4 bytes)   JSON (UTF-8)   body
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import cv2

from vidfx.frames import Picture


def record(said: Mapping[str, Any], body: bytes = b"") -> bytes:
    """One record."""
    text = json.dumps(said, separators=(",", ":")).encode()
    return struct.pack(">II", len(text), len(body)) + text + body


def encode(image: Picture, *, lossless: bool) -> tuple[bytes, str]:
    """A picture for the browser and its media type: PNG, or JPEG with whole colour, which is several times quicker."""
    swapped = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    if lossless:
        done, data = cv2.imencode(".png", swapped, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    else:
        sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        done, data = cv2.imencode(".jpg", swapped, [cv2.IMWRITE_JPEG_QUALITY, 92, *sampling])
    assert done
    return data.tobytes(), "image/png" if lossless else "image/jpeg"
