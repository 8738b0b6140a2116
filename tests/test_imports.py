"""Imports point one way, and the settings stay at the top."""

from graphlib import TopologicalSorter

import grimp
import pytest

# From the top down; those of one line import one another only as far as no circle comes of it.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("console",),
    ("api",),
    ("bench", "serve"),
    ("batch",),
    ("config",),
    ("diarization", "text"),
    ("engine", "subtitles", "formats"),
    ("download",),
    ("share",),
    ("models",),
    ("audio",),
)
SETTINGS = "whisper_cli.config.settings"
# Who may know `Settings` outside of cli and config, and why.
KNOW_SETTINGS = {
    "whisper_cli.api": "makes them of the arguments of a program",
    "whisper_cli.batch.render": "renders a text for the library, by what it asks of outputs",
    "whisper_cli.batch.session": "makes what a run shares of them",
    "whisper_cli.batch.request": "carries them into the process that makes the session",
}


@pytest.fixture(scope="module")
def graph():
    """Give every import, of functions and for type checking too."""
    found = grimp.build_graph("whisper_cli", cache_dir=None)
    for above in found.find_modules_directly_imported_by("whisper_cli"):
        found.remove_import(importer="whisper_cli", imported=above)  # what it offers to others
    return found


def test_every_module_is_seen(graph):
    assert {"whisper_cli.cli.app", "whisper_cli.formats.srt"} <= graph.modules


def test_no_import_runs_upwards(graph):
    rooms = [{name} for layer in LAYERS for name in layer]
    children = {child.rpartition(".")[2] for child in graph.find_children("whisper_cli")}
    root = children - set().union(*rooms)
    layers = [*(grimp.Layer(*layer, independent=False) for layer in LAYERS)]
    layers.append(grimp.Layer(*root, independent=False))
    found = graph.find_illegal_dependencies_for_layers(layers, containers={"whisper_cli"})
    assert not [(item.importer, item.imported, item.routes) for item in found]


def test_no_imports_run_in_a_circle(graph):
    imports = {
        module: graph.find_modules_directly_imported_by(module) - {module}
        for module in graph.modules
    }
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_settings_stay_at_the_top(graph):
    rooms = ("whisper_cli.cli.", "whisper_cli.config.")
    known = graph.find_modules_that_directly_import(SETTINGS)
    assert {name for name in known if not name.startswith(rooms)} == set(KNOW_SETTINGS)
