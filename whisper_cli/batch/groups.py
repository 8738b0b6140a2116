"""The inputs of one job: its recording, or each channel of it for itself."""

from whisper_cli.batch.claims import Claims
from whisper_cli.batch.doing import Doing
from whisper_cli.batch.targets import Job
from whisper_cli.batch.work import Work
from whisper_cli.speakers.asked import CHANNELS, By


def inputs_of(number: int, job: Job, work: Work, claims: Claims) -> tuple[Doing, ...]:
    """Make the inputs of a job."""
    if work.speakers is None or work.speakers.by is not By.channels:
        return (Doing(number, job, work, claims),)
    parts = tuple(Doing(number, job, work, claims, channel) for channel in range(CHANNELS))
    for part in parts:
        part.group = parts
    return parts
