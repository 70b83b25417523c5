"""Files sent by users or uploaded by the bot; a photo is a small PNG generated from its number."""

import struct
import zlib
from dataclasses import dataclass

from sandbox.jsontypes import JsonObject
from sandbox.telegram.errors import bad_request

FILES_KEPT = 2_000

# An id begins with the file's type in base64 (td, FileType.h and FileManager's persistent ids).
_ID_PREFIXES = {"photos": "AgAC", "documents": "BQAC"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file with its download path."""

    file_id: str
    path: str
    content: bytes

    @property
    def folder(self) -> str:
        """The kind of file: ``photos`` or ``documents``."""
        return self.path.partition("/")[0]

    def photo_sizes(self) -> list[JsonObject]:
        """Return the ``photo`` field of a message."""
        return [self.describe() | {"width": 8, "height": 8}]

    def describe(self) -> JsonObject:
        """Return the fields that all kinds of files share."""
        return {"file_id": self.file_id, "file_unique_id": f"u{self.file_id}", "file_size": len(self.content)}


class Files:
    """The latest files by id and by path."""

    def __init__(self) -> None:
        self._by_id: dict[str, StoredFile] = {}
        self._count = 0

    def new_photo(self) -> StoredFile:
        """Generate a new photo."""
        return self.add("photos", "png", None)

    def add(self, folder: str, extension: str, content: bytes | None) -> StoredFile:
        """Store a file; without content a photo is generated."""
        self._count += 1
        number = self._count
        body = _png(number) if content is None else content
        stored = StoredFile(f"{_ID_PREFIXES[folder]}-{number}", f"{folder}/file_{number}.{extension}", body)
        self._by_id[stored.file_id] = stored
        if len(self._by_id) > FILES_KEPT:
            del self._by_id[next(iter(self._by_id))]
        return stored

    def get(self, file_id: object) -> StoredFile:
        """Return a file.

        Raises:
            BotApiError: no such id.
        """
        stored = self._by_id.get(str(file_id))
        if stored is None:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        return stored

    def at(self, path: str) -> StoredFile | None:
        """Return the file under a download path, or None."""
        return next((stored for stored in self._by_id.values() if stored.path == path), None)


def _png(number: int) -> bytes:
    """Return an 8 × 8 PNG in a colour derived from the number."""
    colour = bytes((number * 53 % 256, number * 101 % 256, number * 197 % 256))
    rows = (b"\x00" + colour * 8) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(kind, body) for kind, body in chunks)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
