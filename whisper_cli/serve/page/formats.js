/* The same shapes as the program's writers. */
const clock = (seconds, mark) => {
  const all = Math.round(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(all / 3600000), Math.floor(all / 60000) % 60, Math.floor(all / 1000) % 60];
  return `${two(hours)}:${two(minutes)}:${two(rest)}${mark}${String(all % 1000).padStart(3, "0")}`;
};

const spoken = ({ segments }) => segments.filter(({ text }) => text.trim());

const txt = (job) => spoken(job).map(({ text }) => `${text.trim()}\n`).join("");

/* A cue without a length is refused by players: it lasts up to half a second, or the next one. */
const timed = (job) => spoken(job).map((item, at, all) => {
  const start = Math.round(item.start * 1000);
  if (Math.round(item.end * 1000) > start) return item;
  const next = Math.round((all[at + 1]?.start ?? Infinity) * 1000);
  return { ...item, end: Math.min(start + 500, Math.max(start + 1, next)) / 1000 };
});

const srt = (job) => timed(job).map(({ start, end, text }, at) =>
  `${at + 1}\n${clock(start, ",")} --> ${clock(end, ",")}\n${text.trim().replaceAll(/-{2,}>/g, "->")}\n\n`).join("");

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const vtt = (job) => `WEBVTT\n\n${timed(job).map(({ start, end, text }) =>
  `${clock(start, ".")} --> ${clock(end, ".")}\n${escaped(text.trim())}\n\n`).join("")}`;

const json = (job) => `${JSON.stringify({ text: job.whole ?? "", segments: job.segments }, null, 2)}\n`;

/* By the names of the program's table, whose rows of these have a label for the page. */
export const WRITERS = { txt, srt, vtt, json };

export function download(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
