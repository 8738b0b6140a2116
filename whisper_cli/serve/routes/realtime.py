"""`/v1/realtime`: a microphone in, text out, by the events of the OpenAI API."""

import asyncio
import base64
import binascii
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from whisper_cli.choices import Task
from whisper_cli.errors import WhisperError
from whisper_cli.serve import requests
from whisper_cli.serve.errors import ApiError, api_error, invalid
from whisper_cli.serve.fields import json_object
from whisper_cli.serve.job_manager import JobManager, JobSpec
from whisper_cli.serve.responses import duration_usage
from whisper_cli.serve.sse import Deltas
from whisper_cli.serve.turn_detection import RATE, TurnDetection, TurnDetector, wav
from whisper_cli.serve.worker.messages import JobDone, JobFailed, TextDecoded

_MAX_PENDING = 16  # turns of one session that wait for their text
_FASTEST = 2.0  # seconds of sound that a session may send in a second
_AT_ONCE = 10.0  # seconds that it may be ahead of that, as after a gap of the network
Event = dict[str, Any]


async def realtime(socket: WebSocket) -> None:
    """Answer one session, until the client leaves."""
    protocols = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol="realtime" if "realtime" in protocols else None)
    job_manager: JobManager = socket.app.state.job_manager
    session = _Session(job_manager, socket)
    task = asyncio.create_task(session.speak())
    try:
        await session.receive()
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@dataclass(slots=True)
class _SpokenTurn:
    id: str
    before: str | None
    sound: bytes


@dataclass(slots=True)
class _Session:
    """What one client has asked for, and the turns that wait."""

    job_manager: JobManager
    socket: WebSocket
    fields: dict[str, str] = field(default_factory=lambda: {"model": "whisper-1"})
    turns: TurnDetector = field(default_factory=TurnDetector)
    pending: "asyncio.Queue[_SpokenTurn]" = field(
        default_factory=lambda: asyncio.Queue(_MAX_PENDING)
    )
    last: str | None = None
    item: str = ""
    next_read: float = 0.0  # when its next sound may be read, by the monotonic clock

    async def receive(self) -> None:
        """Take events until the client leaves; a wrong one is answered and does no harm."""
        await self.tell("session.created", session=self.to_json())
        while True:
            event: Event = {}
            try:
                event = json_object(await self._text(), "the event", "invalid_event")
                await self._handle(event)
            except WhisperError as error:
                values = api_error(error).body | {"event_id": event.get("event_id")}
                await self.tell("error", error=values)

    async def _text(self) -> str:
        try:
            return await self.socket.receive_text()
        except KeyError as error:
            raise invalid("events are text, with sound as base64", None, "invalid_event") from error

    async def speak(self) -> None:
        """Transcribe the turns, one after the other."""
        while True:
            turn = await self.pending.get()
            try:
                await self._transcribe(turn)
            except WhisperError as error:
                kind = "conversation.item.input_audio_transcription.failed"
                await self.tell(kind, item_id=turn.id, content_index=0, error=api_error(error).body)

    async def tell(self, kind: str, **more: object) -> None:
        """Send an event."""
        event = {"type": kind, "event_id": f"event_{secrets.token_hex(8)}", **more}
        with suppress(RuntimeError, WebSocketDisconnect):  # the client has left
            await self.socket.send_text(json.dumps(event, ensure_ascii=False))

    def to_json(self) -> Event:
        """Say what is set."""
        detection = self.turns.detection
        turn = None
        if detection is not None:
            turn = {
                "type": "server_vad",
                "silence_duration_ms": round(detection.silence * 1000),
                "prefix_padding_ms": round(detection.before * 1000),
            }
        config = {
            "format": {"type": "audio/pcm", "rate": RATE},
            "transcription": self.fields,
            "turn_detection": turn,
        }
        return {"type": "transcription", "object": "realtime.session", "audio": {"input": config}}

    async def _handle(self, event: Event) -> None:
        match event.get("type"):
            case "session.update" | "transcription_session.update":
                await self._update(event.get("session"))
                await self.tell("session.updated", session=self.to_json())
            case "input_audio_buffer.append":
                await self._add_audio(_sound(event.get("audio")))
            case "input_audio_buffer.commit":
                await self._commit(self.turns.take())
            case "input_audio_buffer.clear":
                self.turns.take()
                await self.tell("input_audio_buffer.cleared")
            case kind:
                raise invalid(f"no such event: {str(kind)[:80]}", "type", "invalid_event")

    async def _update(self, session: object) -> None:
        if not isinstance(session, dict):
            raise invalid("the session is no object", "session")
        config = _object(_object(session, "audio"), "input") or session
        form = config.get("format", session.get("input_audio_format", "pcm16"))
        if form not in ("pcm16", {"type": "audio/pcm", "rate": RATE}, {"type": "audio/pcm"}):
            raise invalid(f"the sound has to be 16-bit PCM at {RATE} Hz", "format")
        options = _object(config, "transcription") or _object(config, "input_audio_transcription")
        names = ("model", "language", "prompt")
        fields = self.fields | {name: str(options[name]) for name in names if options.get(name)}
        for name in ("language", "prompt"):
            if name in options and options[name] is None:  # named no longer
                fields.pop(name, None)
        await self._entry(fields)
        self.fields = fields
        if "turn_detection" in config:
            self.turns.detection = _detection(config["turn_detection"])

    async def _add_audio(self, sound: bytes) -> None:
        """Take sound, no faster than `_FASTEST`: meanwhile nothing more of the client is read."""
        await asyncio.sleep(max(0.0, self.next_read - time.monotonic()))
        earliest = time.monotonic() - _AT_ONCE
        self.next_read = max(self.next_read, earliest) + len(sound) / 2 / RATE / _FASTEST
        for turn_event in self.turns.add(sound):
            await self._on_turn_event(turn_event)

    async def _on_turn_event(self, turn_event: str | bytes) -> None:
        """Tell of a turn that begins, or take one that is over."""
        at = round(self.turns.position / RATE * 1000)
        if isinstance(turn_event, str):
            self.item = f"item_{secrets.token_hex(8)}"
            kind = "input_audio_buffer.speech_started"
            await self.tell(kind, audio_start_ms=at, item_id=self.item)
            return
        if self.item:
            kind = "input_audio_buffer.speech_stopped"
            await self.tell(kind, audio_end_ms=at, item_id=self.item)
        await self._commit(turn_event)

    async def _commit(self, sound: bytes) -> None:
        if len(sound) < RATE // 5:
            message = "the buffer holds less than 100 ms of sound"
            raise invalid(message, None, "input_audio_buffer_commit_empty")
        if self.pending.full():
            raise ApiError(429, "too many turns wait for their text", code="queue_full")
        turn = _SpokenTurn(self.item or f"item_{secrets.token_hex(8)}", self.last, sound)
        self.last, self.item = turn.id, ""
        values = {"item_id": turn.id, "previous_item_id": turn.before}
        await self.tell("input_audio_buffer.committed", **values)
        item = {"id": turn.id, "type": "message", "role": "user", "status": "completed"}
        item |= {"object": "realtime.item"}
        content = [{"type": "input_audio", "transcript": None}]
        more = {"previous_item_id": turn.before, "item": {**item, "content": content}}
        await self.tell("conversation.item.added", **more)
        self.pending.put_nowait(turn)

    async def _transcribe(self, turn: _SpokenTurn) -> None:
        entry, ask = await self._entry(self.fields)
        form = await self.job_manager.keep(wav(turn.sound))
        about = {"item_id": turn.id, "content_index": 0}
        kind = "conversation.item.input_audio_transcription"
        deltas = Deltas()
        try:
            job = self.job_manager.submit(JobSpec(entry, ask, form, turn.id))
        except WhisperError:
            form.remove()
            raise
        with self.job_manager.following(job):
            async for event in job.follow():
                match event:
                    case TextDecoded(_, segment):
                        if delta := deltas.add(segment.text):
                            await self.tell(f"{kind}.delta", **about, delta=delta)
                    case JobFailed(_, error):
                        raise error
                    case JobDone(_, info):
                        usage = duration_usage(info)
                        done = {**about, "transcript": deltas.text, "usage": usage}
                        await self.tell(f"{kind}.completed", **done)

    async def _entry(self, fields: Mapping[str, str]) -> Any:
        """Check what is set; gives the model and what is to be asked of it."""
        ask = requests.read(list(fields.items()), Task.TRANSCRIBE)
        entry = await self.job_manager.registry.find(ask.model)
        if entry.model.english_only:
            requests.check_model(ask, multilingual=False)
        return entry, ask


def _sound(audio: object) -> bytes:
    if not isinstance(audio, str):
        raise invalid("the audio is missing", "audio")
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("the audio is no base64", "audio") from error


def _object(parent: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _detection(given: object) -> TurnDetection | None:
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("type", "server_vad") != "server_vad":
        raise invalid("turn_detection is null or of type server_vad", "turn_detection")

    def seconds(name: str, default: float) -> float:
        value = given.get(name, default * 1000)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value <= 10_000
        ):
            raise invalid(f"{name} is a number from 0 to 10000", name)
        return float(value) / 1000

    defaults = TurnDetection()
    return TurnDetection(
        max(0.1, seconds("silence_duration_ms", defaults.silence)),
        seconds("prefix_padding_ms", defaults.before),
    )
