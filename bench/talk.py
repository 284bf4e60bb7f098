"""The baseline: the method of the talk that facefind grew out of, in our own words.

    python -m bench.talk ingest DATABASE_URL MODEL FOLDER
    python -m bench.talk search DATABASE_URL MODEL PICTURE

One connection per photo, the photo read grey at full size, OpenCV's Haar cascade, one CLIP call and one INSERT per
face; a search embeds the face in a picture and asks for the nearest rows.
"""

import json
import sys
import time
from pathlib import Path


def ingest(url: str, model: str, folder: str) -> dict[str, float]:
    """Stores every face of a folder's day `event`; models are loaded and used once before the clock starts."""
    import cv2
    import psycopg2
    from imgbeddings import imgbeddings
    from PIL import Image

    from bench.setting import WARM_UP

    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector; DROP TABLE IF EXISTS pictures")
        cursor.execute("CREATE TABLE pictures (face text PRIMARY KEY, filename text, embedding vector(768))")
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    embedder = imgbeddings(model_path=model)

    def store(photo: Path) -> int:
        connection = psycopg2.connect(url)
        grey = cv2.imread(str(photo), cv2.IMREAD_GRAYSCALE)
        faces = cascade.detectMultiScale(grey, scaleFactor=1.05, minNeighbors=2, minSize=(100, 100))
        for x, y, w, h in faces:
            vector = embedder.to_embeddings([Image.fromarray(grey[y : y + h, x : x + w])])[0]
            with connection, connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO pictures VALUES (%s, %s, %s)",
                    [f"{photo.parent.name}/{photo.stem}-{x}-{y}-{w}-{h}", photo.name, str(vector.tolist())],
                )
        connection.close()
        return len(faces)

    for photo in sorted(Path(folder).glob(f"{WARM_UP}/*")):
        store(photo)
    started, busy = time.perf_counter(), time.process_time()
    faces = sum(store(photo) for photo in sorted((Path(folder) / "event").iterdir()))
    return {"seconds": time.perf_counter() - started, "busy": time.process_time() - busy, "faces": faces}


def search(url: str, model: str, picture: str) -> dict[str, float]:
    """The ten nearest rows to the picture of a face."""
    import psycopg2
    from imgbeddings import imgbeddings

    (vector,) = imgbeddings(model_path=model).to_embeddings([picture])
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT filename FROM pictures ORDER BY embedding <-> %s LIMIT 10", [str(vector.tolist())])
        return {"rows": len(cursor.fetchall())}


if __name__ == "__main__":
    print(json.dumps({"ingest": ingest, "search": search}[sys.argv[1]](*sys.argv[2:])))
