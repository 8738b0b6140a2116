"""README and docs: short, linked to what exists, and true of the program."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from whisper_cli.extras import install_hint

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
OF_OTHERS = {"--checksum", "--max_line_width", "--max_line_count"}  # peers in the benchmarks


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and mkdocs both make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", text).strip().lower().replace(" ", "-") for text in headings}


def flags_of(command: Any) -> Iterator[str]:
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    for member in getattr(command, "commands", {}).values():
        yield from flags_of(member)


def owned(page: Path) -> str:
    """Return the text of a page without what it says of other programs."""
    text = page.read_text("utf-8")
    if page.name == "coming-from.md":  # the first column is theirs
        return re.sub(r"^\| .*? \| ", "", text, flags=re.M)
    return text


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 150
    assert len(text.encode()) <= 8_000


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_what_exists(page):
    for link in LINK.findall(page.read_text("utf-8")):
        if not link.startswith(("https://", "http://")):
            target, _, anchor = link.partition("#")
            path = (page.parent / target).resolve() if target else page
            assert path.exists(), link
            assert not anchor or anchor in anchors(path), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_flag_that_is_named_exists(page):
    from typer.main import get_command

    from whisper_cli.cli.app import app

    known = {"--help", *flags_of(get_command(app))}
    assert set(FLAG.findall(owned(page))) - OF_OTHERS <= known


def test_generated_pages_are_current():
    pytest.importorskip("starlette")  # of the extra `serve`, whose document is one of them
    found = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    generate = importlib.util.module_from_spec(found)
    found.loader.exec_module(generate)
    for name, text in generate.pages().items():
        kept = (generate.FOLDER / name).read_text("utf-8")
        assert kept == text, f"{name} is old: run `python docs/generate.py`"


def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("material")
    command = ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "guides" / "subtitles" / "index.html").exists()


@pytest.mark.parametrize("extra", ["serve", "share", "speakers", "watch"])
def test_a_hint_installs_an_extra_that_exists_from_the_clone(extra):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert extra in project["optional-dependencies"]
    assert install_hint(extra).startswith(f"pip install '.[{extra}]'")


def test_every_module_that_the_architecture_names_exists():
    text = (DOCS / "architecture.md").read_text("utf-8")
    named = re.findall(r"`([a-z_/]+(?:\.py|/))`", text)
    assert len(named) > 30
    assert [name for name in named if not (ROOT / "whisper_cli" / name).exists()] == []
