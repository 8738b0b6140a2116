"""Segments to publishable cues: an iterator in, an iterator out."""

from whisper_cli.cues.rules import PRESETS, Rules, rules_for
from whisper_cli.cues.shaper import Shaper, shape

__all__ = ["PRESETS", "Rules", "Shaper", "rules_for", "shape"]
