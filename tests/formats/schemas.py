"""The published schemas, as validators."""

import json
from importlib.resources import files

from jsonschema import Draft202012Validator

_FOLDER = files("whisper_cli.formats") / "schema"

TRANSCRIPT = Draft202012Validator(json.loads((_FOLDER / "transcript-1.json").read_text("utf-8")))
JSONL = Draft202012Validator(json.loads((_FOLDER / "jsonl-1.json").read_text("utf-8")))
