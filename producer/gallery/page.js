// The page: what needs a person, the tools to filter and group by, and the grid, built as far as one has scrolled.

const CARDS_AT_A_TIME = 60;
const MOST_VALUES_IN_A_FILTER = 200;
const MOST_JOBS_NAMED = 40;

const grid = document.getElementById("grid");
const tools = document.getElementById("tools");
const fields = document.getElementById("fields");
const query = document.getElementById("query");
const group = document.getElementById("group");
const filters = new Map(); // grouping -> its select
const wantedStates = new Set();
let shownJobs = [];
let remaining = [][Symbol.iterator]();
let section = null;

function buildTools() {
  tools.hidden = jobs.length === 0;
  for (const state of STATES) {
    const count = jobs.filter(({ record }) => record.status === state).length;
    if (count) document.getElementById("states").append(stateButton(state, count));
  }
  group.append(new Option("nothing", ""));
  for (const [key, grouping] of groupings) {
    const choices = values(grouping);
    if (choices.length < 2) continue;
    group.append(new Option(plain(grouping.name), key));
    if (key !== "status" && choices.length <= MOST_VALUES_IN_A_FILTER && choices.length * 2 <= jobs.length) fields.append(filterField(grouping, choices));
  }
  group.value = [...groupings.keys()].find((key) => key.startsWith("variant.") &&
    [...group.options].some((option) => option.value === key) && values(groupings.get(key)).length <= 12) ?? "";
}

function stateButton(state, count) {
  const button = element("button", { type: "button", className: `chip is-${state}` },
    element("b", { textContent: count.toLocaleString("en") }), ` ${state}`);
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const on = !wantedStates.delete(state);
    if (on) wantedStates.add(state);
    button.setAttribute("aria-pressed", String(on));
    show();
  });
  return button;
}

function filterField(grouping, choices) {
  const select = element("select", {}, new Option("all", ""), ...choices.map((value) => new Option(plain(value), value)));
  select.setAttribute("aria-label", plain(grouping.name));
  filters.set(grouping, select);
  return element("label", {}, element("span", { textContent: plain(grouping.name) }), select);
}

function wanted(job, words) {
  if (wantedStates.size && !wantedStates.has(job.record.status)) return false;
  for (const [grouping, select] of filters) if (select.value && grouping.value(job) !== select.value) return false;
  return words.every((word) => haystack(job).includes(word));
}

/** Make the grid anew for what the tools say. */
function show() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = jobs.filter((job) => wanted(job, words));
  const groups = grouped(found);
  shownJobs = groups.flatMap(([, members]) => members);
  shownJobs.forEach((job, place) => { job.place = place; });
  unwatchAll();
  grid.replaceChildren();
  section = null;
  remaining = inTurn(groups);
  document.getElementById("result").textContent = found.length === jobs.length ? "" :
    `${found.length.toLocaleString("en")} of ${jobs.length.toLocaleString("en")} jobs` + (found.length ? "" : ": nothing fits");
  document.getElementById("reset").hidden = found.length === jobs.length;
  extend();
}

/** Each job to show, with what its group's heading needs; a row of one shape has its own height. */
function* inTurn(groups) {
  for (const [name, members] of groups) {
    const shapes = members.map(shape);
    const tall = Math.max(...shapes) < 0.9 ? 1.4 : Math.min(...shapes) > 1.1 ? 0.85 : 1;
    for (const [at, job] of members.entries()) yield { name, job, tall, starts: at === 0, size: members.length };
  }
}

/** [name, jobs] of each group; within a group those with a video come first, else the order of the plan stays. */
function grouped(found) {
  const grouping = groupings.get(group.value);
  const groups = new Map();
  for (const job of found) {
    const name = grouping ? plain(grouping.value(job) || "none") : null;
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(job);
  }
  for (const members of groups.values()) members.sort((one, other) => Boolean(other.href) - Boolean(one.href));
  return [...groups];
}

/** Add the next cards; more follow when their end comes near. */
function extend() {
  for (let added = 0; added < CARDS_AT_A_TIME; added += 1) {
    const { value: next, done } = remaining.next();
    if (done) break;
    if (next.starts) {
      section = element("div", { className: "cards" });
      section.style.setProperty("--tall", next.tall);
      grid.append(element("section", { className: "group" }, next.name === null ? null :
        element("h2", { dir: "auto" }, next.name, element("small", { textContent: ` ${next.size.toLocaleString("en")}` })), section));
    }
    const made = card(next.job);
    section.append(made);
    watch(made);
  }
  end.unobserve(sentinel);
  end.observe(sentinel); // asks anew, in case the end is still near
}

const sentinel = document.getElementById("more");
const end = new IntersectionObserver((changes) => {
  // Several changes may come at once when the page is busy: only the last one says how things stand.
  if (changes.at(-1).isIntersecting && grid.querySelectorAll(".card").length < shownJobs.length) extend();
}, { rootMargin: "1500px 0px" });

/** One entry for each thing that went wrong, however many jobs it hit. */
function buildAttention() {
  const entries = new Map();
  for (const job of jobs) {
    const reason = trouble(job);
    if (!reason) continue;
    const key = JSON.stringify([job.record.status, reason.kind, reason.code, reason.message]);
    if (!entries.has(key)) entries.set(key, { reason, status: job.record.status, hit: [] });
    entries.get(key).hit.push(job);
  }
  const worst = [...entries.values()].sort((one, other) => other.hit.length - one.hit.length);
  const place = document.getElementById("attention");
  place.hidden = worst.length === 0;
  place.open = !matchMedia("(max-width: 700px)").matches;
  document.getElementById("attention-sum").textContent = worst.slice(0, 4).map(headline).join(", ") + (worst.length > 4 ? " ..." : "");
  document.getElementById("entries").append(...worst.map(attentionEntry));
}

function headline({ reason, hit }) {
  return `${hit.length.toLocaleString("en")} ${plain(reason.kind).replaceAll("_", " ")}`;
}

function attentionEntry(entry) {
  const { reason, status, hit } = entry;
  const named = hit.slice(0, MOST_JOBS_NAMED).map(({ record }) =>
    element("a", { href: `#${record.job_id}`, textContent: record.creative_id }));
  if (hit.length > named.length) named.push(element("span", { textContent: `and ${hit.length - named.length} more` }));
  return element("article", { className: `entry is-${status}` },
    element("p", { className: "what" }, element("b", { textContent: headline(entry) }), element("bdi", { textContent: plain(reason.message) })),
    reason.hint ? element("p", { className: "todo" }, ...marked(reason.hint)) : null,
    element("p", { className: "jobs" }, ...named));
}

function followHash() {
  const job = byId.get(location.hash.slice(1));
  if (job && job !== opened) openDetail(job);
}

buildTools();
buildAttention();
show();
let typing = 0;
query.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(show, 120); });
fields.addEventListener("change", (event) => { if (event.target !== query) show(); });
tools.addEventListener("submit", (event) => { event.preventDefault(); show(); });
tools.addEventListener("reset", () => {
  const kept = group.value;
  wantedStates.clear();
  for (const button of document.querySelectorAll("#states button")) button.setAttribute("aria-pressed", "false");
  setTimeout(() => { group.value = kept; show(); }); // the fields are emptied after this event
});
addEventListener("hashchange", followHash);
followHash();
