"""Why a photo can't be used: the error that says so, and what a library's exception says, in one line for people."""

from facefind_pipeline.errors import lacking_memory

OUT_OF_MEMORY = "out of memory"
_LONGEST = 200  # letters; OpenCV and onnxruntime quote source files and shapes


class UnreadablePhotoError(Exception):
    """A file that cannot be used as a photo; the message is a short reason for people, such as "not an image"."""


def reason(error: Exception) -> str:
    """Why a detector or embedder failed, such as "out of memory"."""
    if lacking_memory(error) is not None:
        return OUT_OF_MEMORY
    # cv2.error's text begins with version and source file; `err` is the sentence alone.
    text = str(getattr(error, "err", "") or error).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    return "".join(letter if letter.isprintable() else " " for letter in line)[:_LONGEST]
