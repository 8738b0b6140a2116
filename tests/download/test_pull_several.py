"""`whisper-cli pull A B`: what one does to the others."""

from tests.download.conftest import Pull
from tests.download.pulls import MODEL, REPO, weights_asked
from tests.fake_hub import Hub, faults


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_a_model_that_fails_does_not_stop_the_next(hub: Hub, pull: Pull):
    hub.add_repo("acme/other", MODEL)
    result = pull("acme/none", "acme/other")
    assert result.code == 1
    assert [line.rpartition("models--")[2].split("/")[0] for line in lines(result.stdout)] == [
        "acme--model",
        "acme--other",
    ]
    assert lines(result.stderr)[0] == 'error: no such repository: "acme/none"'
    assert lines(result.stderr)[-1] == "error: 1 of 3 models failed: acme/none"


def test_where_all_fail_alike_the_code_says_why(hub: Hub, pull: Pull):
    hub.faults.add("cdn/*", faults.reject(404))
    hub.add_repo("acme/other", MODEL)
    result = pull("acme/other")
    assert (result.code, result.stdout) == (5, "")
    assert lines(result.stderr)[-1] == f"error: 2 of 2 models failed: {REPO}, acme/other"


def test_a_name_that_nobody_knows_is_told_before_the_others_are_pulled(hub: Hub, pull: Pull):
    result = pull("smal", "--dry-run")
    assert result.code == 1
    assert lines(result.stderr)[0] == 'error: no such model: "smal"'
    assert len(lines(result.stdout)) == len(MODEL)
    assert not weights_asked(hub)


def test_all_unknown_is_the_code_of_an_unknown_model(run):
    result = run("pull", "smal", "medum")
    assert (result.code, result.stdout) == (4, "")
    assert lines(result.stderr)[-1] == "error: 2 of 2 models failed: smal, medum"
