// The records behind the page: the first stands in full, the others as what differs from it.

const UNDER_WAY = new Set(["queued", "rendering"]);
const ENDED_BADLY = new Set(["failed", "refused", "unknown", "parked"]);
const STATES = ["done", "rendering", "queued", "parked", "unknown", "failed", "refused", "cancelled"];
const SIMULATED = document.body.dataset.simulated === "yes";

const jobs = JSON.parse(document.getElementById("lines").textContent).map(([href, record], index, all) => {
  if (index > 0) Object.setPrototypeOf(record, all[0][1]);
  return { href, record, index };
});
const byId = new Map(jobs.map((job) => [job.record.job_id, job]));

/** The whole manifest line, as JSON for people. */
function wholeRecord({ record }) {
  const names = jobs.length ? Object.keys(jobs[0].record) : [];
  return plain(JSON.stringify(Object.fromEntries(names.map((name) => [name, record[name]])), null, 2));
}

/** Text with control characters and bidi overrides spelt out, so that no text can disguise what stands beside it. */
function plain(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (found) =>
    "\\u" + found.charCodeAt(0).toString(16).padStart(4, "0"));
}

/** Width over height: of the stored video, else of what was ordered, else of the commonest shape. */
function shape({ record }) {
  if (record.video?.width && record.video.height) return record.video.width / record.video.height;
  const [width, height] = (record.size ?? "16*9").split("*").map(Number);
  return width / height;
}

/** A string of dollars as people write it; unknown is said, never shown as 0. */
function dollars(text) {
  if (text === null) return "unknown";
  const [whole, cents = ""] = text.split(".");
  const trimmed = cents.replace(/0+$/, "").padEnd(2, "0");
  return "$" + whole.replace(/\B(?=(\d{3})+$)/g, ",") + "." + trimmed;
}

/** What the job cost, or what it is expected to cost while that is open. */
function price({ record }) {
  if (record.cost_usd !== null) return dollars(record.cost_usd);
  if (UNDER_WAY.has(record.status) || record.status === "parked") return "est. " + dollars(record.cost_usd_estimated);
  return "cost unknown, up to " + dollars(record.cost_usd_estimated);
}

/** Why a person should look at this job: its error, or what is wrong with its video; null if nothing. */
function trouble({ record }) {
  if (record.error && (ENDED_BADLY.has(record.status) || record.status === "cancelled")) return record.error;
  if (record.video && !record.video.verified) {
    return { kind: "not as ordered", code: null, message: record.video.problems.join("; "),
      hint: "The video is kept and was paid for: look at it, and decide whether it will do." };
  }
  if (record.status === "unknown") {
    return { kind: "unknown", code: null, message: "The answer to the order was lost; it may have been bought.",
      hint: "Its money stays reserved until this is settled." };
  }
  if (record.status === "failed" || record.status === "refused") {
    return { kind: record.status, code: null, message: "The provider gave no reason.", hint: "" };
  }
  return null;
}

/** The ways to sort jobs into groups: a name for people, and the value of a job (undefined: it has none). */
const groupings = new Map();
for (const part of ["variant", "labels"]) {
  const names = new Set(jobs.flatMap(({ record }) => Object.keys(record[part])));
  for (const name of names) {
    groupings.set(`${part}.${name}`, { name, part, value: ({ record }) => record[part][name] });
  }
}
for (const [key, name, value] of [
  ["status", "status", ({ record }) => record.status],
  ["provider", "provider", ({ record }) => record.provider],
  ["aspect_ratio", "aspect ratio", ({ record }) => record.aspect_ratio ?? "as the image"],
  ["duration", "duration", ({ record }) => `${record.duration_s} s`],
]) {
  groupings.delete(`variant.${key}`); // the setting itself is there for every job, also where a row left it to the default
  const twin = [...groupings.values()].some((axis) => jobs.every((job) => axis.value(job) === value(job)));
  if (!twin) groupings.set(key, { name, part: "job", value });
}

/** The distinct values of a grouping, in the order of the plan. */
function values(grouping) {
  return [...new Set(jobs.map(grouping.value))].filter((value) => value !== undefined && value !== "");
}

/** What a search looks through, in lower case; made when it is first needed. */
function haystack(job) {
  job.text ??= [job.record.job_id, job.record.prompt, job.record.prompt_expanded ?? "", String(job.record.seed),
    ...Object.values(job.record.variant), ...Object.values(job.record.labels)].join("\n").toLowerCase();
  return job.text;
}

/** Text whose `commands` stand out. */
function marked(text) {
  return plain(text).split("`").map((part, at) => (at % 2 ? element("code", { textContent: part }) : part));
}

/** An element with properties and children; text is only ever set as text. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
