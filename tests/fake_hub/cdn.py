"""The CDN: content by hash, at signed addresses, with ranges."""

from urllib.parse import quote, unquote

from tests.fake_hub.content import Blob
from tests.fake_hub.messages import Answer, Request, json_answer, text
from tests.fake_hub.ranges import serve
from tests.fake_hub.signing import Signer

CAS = "/cas"


class Cdn:
    """Serves the blobs it was given, to those who come with a signed address."""

    def __init__(self) -> None:
        self.signer = Signer()
        self._blobs: dict[str, Blob] = {}

    def publish(self, repo: str, name: str, blob: Blob) -> str:
        """Make a blob available and return its signed path, which ends in the file's name."""
        path = quote(f"/{repo}/{blob.sha256}/{name}")
        self._blobs[path] = blob
        return f"{path}?{self.signer.sign(path)}"

    def where(self, request: Request) -> str:
        if request.path.startswith(CAS):
            return "cas" + unquote(request.path.removeprefix(CAS))
        return "cdn/" + unquote(request.path).split("/", 4)[-1]

    def answer(self, request: Request) -> Answer:
        if request.path.startswith(CAS):
            return json_answer({"error": "no content-addressed store here"}, 503)
        if not self.signer.admits(request.path, request.query):
            return text(403, "<Error><Code>AccessDenied</Code></Error>")
        blob = self._blobs.get(request.path)
        return serve(request, blob) if blob else text(404, "not found")
