"""What people write first: faster-whisper behind a FastAPI handler, one request at a time."""

import io
import sys
import threading

import uvicorn
from fastapi import FastAPI, UploadFile
from faster_whisper import WhisperModel


def application(folder: str) -> FastAPI:
    model = WhisperModel(folder, device="cpu", compute_type="int8")
    turn = threading.Lock()
    app = FastAPI()

    @app.get("/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/v1/audio/transcriptions")
    def transcriptions(file: UploadFile) -> dict[str, str]:
        with turn:
            segments, _ = model.transcribe(io.BytesIO(file.file.read()), language="en")
            return {"text": "".join(segment.text for segment in segments).strip()}

    return app


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), log_level="error")
