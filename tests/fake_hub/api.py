"""The hub: what is in a repository, and where its files are, worded as huggingface.co words it."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from gzip import compress
from urllib.parse import parse_qs, quote, unquote

from tests.fake_hub import listing
from tests.fake_hub.cdn import CAS, Cdn
from tests.fake_hub.content import Blob, Commit, Repo
from tests.fake_hub.messages import Answer, Body, RefusalError, Request, json_answer, refusal, text
from tests.fake_hub.ranges import serve

ADMITTED = "hf_admitted"
STRANGER = "hf_stranger"
NO_RUSH = {
    "RateLimit": '"resolvers";r=2999;t=300',
    "RateLimit-Policy": '"fixed window";"resolvers";q=3000;w=300',
}


@dataclass(frozen=True, slots=True)
class Route:
    """A kind of request: the name that faults use, and the function that answers it."""

    name: str
    pattern: re.Pattern[str]
    answer: Callable[["Api", "Call"], Answer]


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose path has been understood; what the path doesn't name is empty."""

    request: Request
    repo: str = ""
    revision: str = "main"
    path: str = ""

    @property
    def token(self) -> str | None:
        kind, _, token = self.request.headers.get("authorization", "").partition(" ")
        return token if kind == "Bearer" else None

    def flag(self, name: str) -> bool:
        return self.request.query.get(name, "").lower() in {"1", "true"}


@dataclass(slots=True)
class Api:
    """The repositories and the routes to them; `page` is how many files one tree answer lists.

    Two tokens are valid: ADMITTED may read every gated or private repository, STRANGER none.
    """

    cdn: Cdn
    cdn_url: str
    url: str = ""
    page: int = 1000
    repos: dict[str, Repo] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def where(self, request: Request) -> str:
        route, call = understand(request)
        return "/".join(filter(None, ("hub", route.name if route else "", call.path)))

    def answer(self, request: Request) -> Answer:
        route, call = understand(request)
        try:
            if call.token not in {None, ADMITTED, STRANGER}:
                raise refusal(401, "Invalid credentials in Authorization header")
            if call.repo in self.renamed:
                moved = request.target.replace(call.repo, self.renamed[call.repo], 1)
                return text(307, "moved", {"Location": moved})
            answer = route.answer(self, call) if route else json_answer({"error": "not found"}, 404)
        except RefusalError as refused:
            answer = refused.answer
        return replace(answer, headers={**NO_RUSH, **answer.headers})

    def repo(self, call: Call) -> Repo:
        """Find a repository that the caller may see; the hub doesn't tell missing from private."""
        repo = self.repos.get(call.repo)
        if repo is None or (repo.private and call.token != ADMITTED):
            status = 404 if call.token else 401
            raise refusal(status, "Repository not found", "RepoNotFound")
        if repo.disabled:
            raise refusal(403, "Access to this resource is disabled.")
        return repo

    def commit(self, call: Call) -> Commit:
        if commit := self.repo(call).find(call.revision):
            return commit
        raise refusal(404, f"Invalid rev id: {call.revision}", "RevisionNotFound")

    def blob(self, call: Call) -> tuple[Commit, Blob]:
        """Find a file whose content the caller may read."""
        if self.repo(call).gated and call.token != ADMITTED:
            status = 403 if call.token else 401
            message = f"Access to model {call.repo} is restricted. Ask for access on its page."
            raise refusal(status, message, "GatedRepo")
        commit = self.commit(call)
        if blob := commit.files.get(call.path):
            return commit, blob
        raise refusal(404, "Entry not found", "EntryNotFound", commit.sha)


def understand(request: Request) -> tuple[Route | None, Call]:
    for route in ROUTES:
        if match := route.pattern.fullmatch(request.path):
            named = {name: unquote(part) for name, part in match.groupdict().items() if part}
            return route, Call(request, **named)
    return None, Call(request)


def info(api: Api, call: Call) -> Answer:
    commit = api.commit(call)
    return json_answer(listing.model(api.repo(call), commit, blobs=call.flag("blobs")))


def search(api: Api, call: Call) -> Answer:
    needed = call.request.query.get("search", "").lower()
    found = [repo for repo in api.repos.values() if needed in repo.id.lower() and not repo.private]
    return json_answer([{"id": repo.id, "modelId": repo.id} for repo in found])


def tree(api: Api, call: Call) -> Answer:
    """List files, a page at a time; `Link` says where the next one is."""
    commit, expand = api.commit(call), call.flag("expand")
    entries = listing.tree(commit, call.path, recursive=call.flag("recursive"), expand=expand)
    if call.path and not entries:
        raise refusal(404, f"{call.path} does not exist", "EntryNotFound", commit.sha)
    start = int(call.request.query.get("cursor", 0))
    stop = start + (min(api.page, 50) if expand else api.page)
    if stop >= len(entries):
        return json_answer(entries[start:])
    kept = "&".join(f"{name}={call.flag(name)}".lower() for name in ("recursive", "expand"))
    link = f'<{api.url}{call.request.path}?{kept}&cursor={stop}>; rel="next"'
    return json_answer(entries[start:stop], headers={"Link": link})


def paths_info(api: Api, call: Call) -> Answer:
    """Describe the paths of a form, or of a JSON body; paths that don't exist are left out."""
    commit, body = api.commit(call), call.request.body.decode()
    is_json = call.request.headers.get("content-type", "").startswith("application/json")
    asked = json.loads(body) if is_json else parse_qs(body)
    expand = str(asked.get("expand", "")).lower().strip("[']") == "true"
    paths = [path for path in asked.get("paths", []) if listing.exists(commit, path)]
    return json_answer([listing.entry(commit, path, expand=expand) for path in paths])


def refs(api: Api, call: Call) -> Answer:
    return json_answer(listing.refs(api.repo(call)))


def whoami(api: Api, call: Call) -> Answer:
    if not call.token:
        raise refusal(401, "Invalid username or password.")
    role = {"type": "access_token", "accessToken": {"displayName": "loopback", "role": "read"}}
    name = call.token.removeprefix("hf_")
    return json_answer({"type": "user", "id": "1", "name": name, "auth": role, "orgs": []})


def resolve(api: Api, call: Call) -> Answer:
    """Send the client to the CDN for a large file, to the resolve cache for a small one."""
    commit, blob = api.blob(call)
    headers = {"X-Repo-Commit": commit.sha, "Accept-Ranges": "bytes"}
    if not blob.lfs:
        path = quote(f"/api/resolve-cache/models/{call.repo}/{commit.sha}/{call.path}")
        destination = f"{path}?{quote(call.request.path, safe='')}=&etag=%22{blob.etag}%22"
        headers["Location"] = destination
        return text(307, f"Temporary Redirect. Redirecting to {destination}", headers)
    destination = api.cdn_url + api.cdn.publish(call.repo, call.path, blob)
    headers |= {"Location": destination, "X-Linked-Size": str(blob.size)}
    headers["X-Linked-ETag"] = f'"{blob.etag}"'
    if blob.xet:
        auth = f"{api.url}/api/models/{call.repo}/xet-read-token/{commit.sha}"
        headers |= {"X-Xet-Hash": blob.sha256, "Link": f'<{auth}>; rel="xet-auth"'}
    return text(302, f"Found. Redirecting to {destination}", headers)


def resolve_cache(api: Api, call: Call) -> Answer:
    """Serve a small file: as it is, or compressed on the fly and then without length."""
    commit, blob = api.blob(call)
    answer = serve(call.request, blob)
    answer = replace(answer, headers={**answer.headers, "X-Repo-Commit": commit.sha})
    needed = "gzip" in call.request.headers.get("accept-encoding", "")
    if not needed or call.request.range or call.request.method == "HEAD":
        return answer
    data = compress(answer.body.read(0, blob.size), mtime=0)
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding", "ETag": f'W/"{blob.etag}"'}
    body = Body(data, 0, len(data))
    return replace(answer, headers={**answer.headers, **headers}, body=body, chunked=True)


def xet_token(api: Api, call: Call) -> Answer:
    """Name a content-addressed store that can't be reached, as behind many firewalls."""
    api.commit(call)
    store, expires = api.cdn_url + CAS, int(time.time()) + 3600
    headers = {"X-Xet-Cas-Url": store, "X-Xet-Access-Token": "xet"}
    headers["X-Xet-Token-Expiration"] = str(expires)
    return json_answer({"casUrl": store, "accessToken": "xet", "exp": expires}, headers=headers)


PARTS = {
    "REPO": r"(?P<repo>[^/]+/[^/]+)",
    "REV": r"(?P<revision>[^/]+)",
    "PATH": r"(?P<path>.+)",
}


def route(name: str, path: str, answer: Callable[[Api, Call], Answer]) -> Route:
    return Route(name, re.compile(re.sub("[A-Z]+", lambda match: PARTS[match[0]], path)), answer)


ROUTES = (
    route("resolve-cache", "/api/resolve-cache/models/REPO/REV/PATH", resolve_cache),
    route("tree", "/api/models/REPO/tree/REV(?:/PATH)?", tree),
    route("paths-info", "/api/models/REPO/paths-info/REV", paths_info),
    route("refs", "/api/models/REPO/refs", refs),
    route("xet-token", "/api/models/REPO/xet-read-token/REV", xet_token),
    route("info", "/api/models/REPO(?:/revision/REV)?", info),
    route("search", "/api/models", search),
    route("whoami", "/api/whoami-v2", whoami),
    route("resolve", "/REPO/resolve/REV/PATH", resolve),
)
