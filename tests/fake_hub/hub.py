"""The loopback hub: a hub and its CDN on two ports, with a network and faults of one's choice."""

from collections.abc import Iterable, Mapping
from typing import Self

from tests.fake_hub.api import Api
from tests.fake_hub.cdn import Cdn
from tests.fake_hub.content import Content, Repo, blob
from tests.fake_hub.faults import Faults
from tests.fake_hub.messages import Request
from tests.fake_hub.server import Conditions, Server
from tests.fake_hub.signing import Signer
from tests.fake_hub.throttle import Link
from tests.fake_hub.tls import Authority


class Hub:
    """Serves model repositories to any Hugging Face client that has `endpoint` as HF_ENDPOINT.

    The CDN listens on another port, which makes it another origin. `page` is how many files one
    answer lists; with an `authority` both speak TLS; `host` may be "::1".
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        link: Link | None = None,
        authority: Authority | None = None,
        page: int = 1000,
    ) -> None:
        context = authority.context() if authority else None
        self._conditions = Conditions(link or Link())
        self._cdn = Cdn()
        self._cdn_server = Server(self._cdn, self._conditions, host=host, context=context)
        self._api = Api(self._cdn, self._cdn_server.url, page=page)
        try:
            self._server = Server(
                self._api, self._conditions, host=host, port=port, context=context
            )
        except OSError:
            self._cdn_server.close()
            raise
        self._api.url = self._server.url

    @property
    def endpoint(self) -> str:
        return self._server.url

    @property
    def cdn_endpoint(self) -> str:
        return self._cdn_server.url

    @property
    def requests(self) -> list[Request]:
        """What was asked, in the order in which it arrived."""
        return self._conditions.requests

    @property
    def faults(self) -> Faults:
        return self._conditions.faults

    @property
    def signer(self) -> Signer:
        """How long the CDN's addresses live."""
        return self._cdn.signer

    @property
    def link(self) -> Link:
        return self._conditions.link

    @link.setter
    def link(self, link: Link) -> None:
        """Change the network; connections that are open keep their own limit."""
        self._conditions.link = link

    def add_repo(
        self,
        repo: str,
        files: Mapping[str, Content],
        *,
        lfs: Iterable[str] = ("model.bin",),
        xet: Iterable[str] = (),
        gated: bool = False,
        private: bool = False,
        disabled: bool = False,
        branch: str = "main",
        tags: Iterable[str] = (),
        sha: str | None = None,
    ) -> str:
        """Commit files to a branch of a repository, new or known, and return the commit's hash.

        A content is bytes, or the path of a file that stays where it is. `xet` files announce a
        content-addressed store, which isn't there. `sha` overrides the hash, for pinned revisions.
        """
        lfs, xet = set(lfs), set(xet)
        kept = self._api.repos.setdefault(repo, Repo(repo))
        kept.gated, kept.private, kept.disabled = gated, private, disabled
        blobs = {
            name: blob(content, lfs=name in lfs | xet, xet=name in xet)
            for name, content in files.items()
        }
        commit = kept.commit(blobs, branch, sha)
        kept.tags |= dict.fromkeys(tags, commit)
        return commit

    def rename(self, old: str, new: str) -> None:
        """Give a repository another name; whoever asks for the old one is redirected."""
        repo = self._api.repos.pop(old)
        repo.id = new
        self._api.repos[new] = repo
        self._api.renamed[old] = new

    def close(self) -> None:
        """End every connection, stalled ones too; no thread is left."""
        self._conditions.closing.set()
        try:
            self._server.close()
        finally:
            self._cdn_server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
