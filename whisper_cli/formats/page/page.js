const audio = document.querySelector("audio");
const search = document.querySelector("#search");
const words = [...document.querySelectorAll("main span[data-at]")];
const times = words.map((word) => Number(word.dataset.at));
let now = null;
let matches = [];
let here = -1;

const seek = (seconds) => {
  audio.currentTime = seconds;
  audio.play().catch(() => {});
};

const last = (seconds) => {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};

const follow = () => {
  const word = words[last(audio.currentTime + 0.01)] ?? null;
  if (word === now) return;
  now?.classList.remove("now");
  word?.classList.add("now");
  if (word && !audio.paused && word.closest("p") !== now?.closest("p")) {
    word.scrollIntoView({ block: "center" });
  }
  now = word;
};

const find = (text) => {
  const wanted = text.trim().replace(/\s+/g, " ").toLowerCase();
  words.forEach((word) => word.classList.remove("match", "here"));
  matches = [];
  here = -1;
  for (const paragraph of wanted ? document.querySelectorAll("main .text") : []) {
    const nodes = [...paragraph.childNodes];
    const texts = nodes.map((node) => node.textContent.toLowerCase());
    const whole = texts.join("");
    for (let at = whole.indexOf(wanted); at >= 0; at = whole.indexOf(wanted, at + wanted.length)) {
      let begin = 0;
      const match = nodes.filter((node, number) => {
        const end = begin + texts[number].length;
        const inside = begin < at + wanted.length && end > at && node.dataset;
        begin = end;
        return inside;
      });
      match.forEach((word) => word.classList.add("match"));
      matches.push(match);
    }
  }
  document.querySelector("#found").textContent = wanted ? `${matches.length} found` : "";
};

const step = (by) => {
  if (!matches.length) return;
  matches[here]?.forEach((word) => word.classList.remove("here"));
  here = (Math.max(here, by < 0 ? 0 : -1) + by + matches.length) % matches.length;
  matches[here].forEach((word) => word.classList.add("here"));
  matches[here][0].scrollIntoView({ block: "center" });
  document.querySelector("#found").textContent = `${here + 1} of ${matches.length}`;
};

document.querySelector("main").addEventListener("click", (event) => {
  const place = event.target.closest("[data-at]");
  if (place) seek(Number(place.dataset.at));
});
audio.addEventListener("timeupdate", follow);
audio.addEventListener("seeked", follow);
audio.addEventListener("error", () => {
  document.querySelector("#choose").hidden = false;
});
document.querySelector("#file").addEventListener("change", (event) => {
  audio.src = URL.createObjectURL(event.target.files[0]);
});
search.addEventListener("input", () => find(search.value));
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
  if (event.key === "Escape") search.blur();
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, button, audio") || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = {
    " ": () => (audio.paused ? audio.play().catch(() => {}) : audio.pause()),
    ArrowLeft: () => (audio.currentTime -= 5),
    ArrowRight: () => (audio.currentTime += 5),
    "/": () => search.focus(),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
