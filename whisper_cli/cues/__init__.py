"""Segments to publishable cues: an iterator in, an iterator out."""

from whisper_cli.cues.rules import PRESETS, Rules, rules_for
from whisper_cli.cues.shaper import Shaper, shape
from whisper_cli.cues.style import Style, style_of

__all__ = ["PRESETS", "Rules", "Shaper", "Style", "rules_for", "shape", "style_of"]
