"""What a model can't do, said before it tries."""

from whisper_cli.choices import Task
from whisper_cli.errors import ConfigError
from whisper_cli.transcript import Options


def check_language(options: Options, *, multilingual: bool) -> None:
    """Raise ConfigError where an English-only model is asked for another language."""
    if multilingual:
        return
    hint = "a multilingual model, such as base or large-v3, knows about 100 languages"
    if options.language not in (None, "en"):
        raise ConfigError(
            f'the model knows English only, and the language is "{options.language}"', hint=hint
        )
    if options.task is Task.TRANSLATE:
        raise ConfigError("the model knows English only: it can't translate", hint=hint)
