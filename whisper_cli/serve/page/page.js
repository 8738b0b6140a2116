import { live } from "/page/live.js";
import { download, WRITERS } from "/page/formats.js";

const $ = (id) => document.getElementById(id);
let languages = {};
let formats = [];

const headers = (more = {}) => ($("key").value ? { ...more, Authorization: `Bearer ${$("key").value}` } : more);
const say = (text) => { $("state").textContent = text; };

async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, headers: headers(options.headers) });
  if (response.status === 401) $("keyfield").hidden = false;
  if (!response.ok) throw new Error((await response.json()).error.message);
  return response;
}

async function refresh() {
  try {
    const { data } = await (await ask("/v1/models")).json();
    const chosen = $("model").value;
    $("model").replaceChildren(...data.map(({ id }) => new Option(id, id)));
    if (chosen) $("model").value = chosen;
    const { models, queue } = await (await ask("/api/ps")).json();
    $("loaded").replaceChildren(...data.map(({ id }) => modelRow(id, models.find((each) => each.model === id))));
    say(queue.length ? `${queue.length} in work` : "Ready");
  } catch (error) { say(error.message); }
}

function modelRow(id, loaded) {
  const row = document.createElement("li");
  const size = loaded ? `loaded, ${Math.round(loaded.memory / 1e6)} MB` : "not loaded";
  row.textContent = `${id}: ${size}`;
  return row;
}

function begin(file) {
  const view = $("job").content.cloneNode(true).firstElementChild;
  const find = (name) => view.querySelector(name);
  const job = {
    file, view, segments: [], words: [], id: `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`,
    show: (text) => { find(".status").textContent = text; },
    bar: (part) => { part === null ? find("progress").removeAttribute("value") : (find("progress").value = part); },
    text: find(".text"), audio: find("audio"), find,
  };
  find("h2").textContent = file.name;
  job.audio.src = URL.createObjectURL(file);
  job.audio.onloadedmetadata = () => { job.duration = job.audio.duration; };
  $("jobs").prepend(view);
  send(job);
}

function send(job) {
  const form = new FormData();
  form.append("model", $("model").value);
  form.append("stream", "true");
  form.append("page_events", "true");
  if ($("language").value) form.append("language", $("language").value);
  form.append("file", job.file);
  const request = new XMLHttpRequest();
  job.began = performance.now();
  request.open("POST", "/v1/audio/transcriptions");
  for (const [name, value] of Object.entries(headers({ "X-Request-Id": job.id }))) request.setRequestHeader(name, value);
  request.upload.onprogress = (event) => {
    if (event.lengthComputable) { job.bar(event.loaded / event.total); job.show(`Uploading ${Math.round(100 * event.loaded / event.total)} %`); }
  };
  request.upload.onload = () => { job.bar(null); job.show("Waiting"); watch(job); };
  request.onprogress = () => take(job, request.responseText);
  request.onload = () => {
    if (request.status === 200) { take(job, request.responseText); return; }
    if (request.status === 401) $("keyfield").hidden = false;
    let message = `HTTP ${request.status}`;
    try { message = JSON.parse(request.responseText).error.message; } catch { /* not ours */ }
    end(job, message, true);
  };
  request.onerror = () => end(job, "The server does not answer", true);
  request.onabort = () => end(job, "Cancelled");
  job.find(".cancel").onclick = () => request.abort();
  request.send(form);
}

/* Server-sent events by hand: EventSource can't post. */
function take(job, all) {
  const from = job.taken ?? 0;
  const to = all.lastIndexOf("\n\n");
  if (to < from) return;
  job.taken = to + 2;
  for (const line of all.slice(from, to).split("\n")) {
    if (line.startsWith("data: ")) heard(job, JSON.parse(line.slice(6)));
    else if (line.startsWith(": segment ")) segment(job, JSON.parse(line.slice(10)));
  }
}

function heard(job, event) {
  if (event.error) end(job, event.error.message, true);
  else if (event.type === "transcript.text.done") { job.whole = event.text; end(job, job.segments.length ? "Done" : "No speech was found"); }
}

function segment(job, found) {
  job.segments.push(found);
  job.bar(job.duration ? Math.min(1, found.end / job.duration) : null);
  const gone = (performance.now() - job.began) / 1000;
  if (job.duration) job.show(`${Math.round(100 * found.end / job.duration)} %, about ${Math.ceil(Math.max(0, gone * (job.duration / found.end - 1)))} s left`);
  for (const word of found.words.length ? found.words : [{ word: found.text, start: found.start }]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word.word.trim();
    if (word.word.startsWith(" ")) job.text.append(" ");
    button.onclick = () => { job.audio.currentTime = word.start; job.audio.play(); };
    job.text.append(button);
  }
}

async function watch(job) {
  while (!job.over && !job.segments.length) {
    try {
      const { queue } = await (await ask("/api/ps")).json();
      const mine = queue.find((each) => each.id === job.id);
      if (mine && !job.over && !job.segments.length) job.show(mine.position ? `Waiting, ${mine.position} before it` : "Listening");
    } catch { return; }
    await new Promise((go) => setTimeout(go, 500));
  }
}

function end(job, message, failed = false) {
  if (job.over) return;
  job.over = true;
  job.bar(1);
  job.find("progress").hidden = true;
  job.find(".cancel").hidden = true;
  job.show(message);
  job.find(".status").classList.toggle("failed", failed);
  job.audio.hidden = !job.segments.length;
  for (const name of [".copy", ".save"]) job.find(name).hidden = !job.segments.length;
  const suffix = () => formats.find(({ name }) => name === $("format").value).suffix;
  const text = () => WRITERS[$("format").value](job);
  job.find(".copy").onclick = async () => { await navigator.clipboard.writeText(text()); job.show("Copied"); };
  job.find(".save").onclick = () => download(text(), `${job.file.name.replace(/\.[^.]*$/, "")}.${suffix()}`);
  refresh();
}

async function record() {
  const button = $("record");
  if (button.recorder) { button.recorder.stop(); return; }
  try {
    const sound = await navigator.mediaDevices.getUserMedia({ audio: true });
    const pieces = [];
    const recorder = new MediaRecorder(sound);
    $("live").textContent = "";
    const asked = { key: $("key").value, model: $("model").value, language: $("language").value };
    const stop = await live(sound, asked, (text) => { $("live").textContent += text; }).catch((error) => { say(`No live text: ${error.message}`); return () => {}; });
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      stop();
      $("live").textContent = "";
      for (const track of sound.getTracks()) track.stop();
      button.recorder = null;
      button.setAttribute("aria-pressed", "false");
      button.textContent = "Record";
      begin(new File(pieces, "recording.webm", { type: recorder.mimeType }));
    };
    recorder.start();
    button.recorder = recorder;
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Stop";
  } catch (error) { say(`The microphone can't be used: ${error.message}`); }
}

async function pull(event) {
  event.preventDefault();
  const state = $("pullstate");
  $("pullbar").hidden = false;
  try {
    const response = await ask("/api/pull", { method: "POST", body: JSON.stringify({ model: $("pullname").value }) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = "", piece; !(piece = await reader.read()).done;) {
      const lines = (rest + piece.value).split("\n");
      rest = lines.pop();
      for (const line of lines.map((each) => JSON.parse(each))) {
        if (line.error) throw new Error(line.error.message);
        if (line.total) $("pullbar").value = line.completed / line.total;
        state.textContent = line.file ? `${line.status} ${line.file}` : line.status;
      }
    }
  } catch (error) { state.textContent = error.message; }
  $("pullbar").hidden = true;
  refresh();
}

$("choose").onclick = () => $("files").click();
$("files").onchange = () => { [...$("files").files].forEach(begin); $("files").value = ""; };
$("record").onclick = record;
$("pull").onsubmit = pull;
$("options").onsubmit = (event) => event.preventDefault();
$("key").onchange = refresh;
const drop = $("drop");
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") [...event.dataTransfer.files].forEach(begin);
  });
}
languages = await (await fetch("/page/languages.json")).json();
$("language").append(...Object.entries(languages).map(([code, name]) => new Option(name, code)));
formats = await (await fetch("/page/formats.json")).json();
$("format").append(...formats.map(({ name, label }) => new Option(label, name)));
await refresh();
