// One card a job: the video or what stands in its place, the prompt, and the facts that a buyer asks for.

const jobOf = new WeakMap();

function card(job) {
  const { record } = job;
  const made = element("article", { className: `card is-${record.status}` },
    stage(job),
    element("div", { className: "body" }, prompt(record.prompt), variantLine(record), factLine(job), linkLine(job)));
  made.style.setProperty("--ratio", shape(job).toFixed(4));
  made.style.setProperty("--hue", String(hueOf(record.job_id)));
  jobOf.set(made, job);
  return made;
}

/** The frame: a button that opens the job, with the video in it if there is one. */
function stage(job) {
  const { record } = job;
  const inner = job.href ? null : element("span", { className: "waiting", textContent: standing(record) });
  const button = element("button", { type: "button", className: "stage" }, inner, badges(job));
  button.setAttribute("aria-label", `${standing(record)}: ${plain(record.prompt).slice(0, 120)}`);
  button.addEventListener("click", () => openDetail(job));
  return button;
}

function standing(record) {
  return record.status === "done" && !record.video ? "done, no video" : record.status;
}

function badges(job) {
  const made = element("span", { className: "badges" });
  if (job.record.simulated) made.append(element("span", { className: "badge sim", textContent: "simulated" }));
  if (job.record.video && !job.record.video.verified) {
    made.append(element("span", { className: "badge bad", textContent: "not as ordered" }));
  }
  return made;
}

function prompt(text) {
  const words = element("p", { className: "prompt", dir: "auto", textContent: plain(text) });
  const more = element("button", { type: "button", className: "more", textContent: "more", hidden: true });
  more.setAttribute("aria-expanded", "false");
  more.addEventListener("click", () => {
    const open = words.classList.toggle("open");
    more.textContent = open ? "less" : "more";
    more.setAttribute("aria-expanded", String(open));
  });
  return element("div", {}, words, more);
}

/** Offer "more" where a prompt is cut short; asked of many cards at once, so that the page is laid out once. */
function offerMore(cards) {
  const prompts = cards.map((card) => card.querySelector(".prompt"));
  const cut = prompts.map((words) => words.scrollHeight > words.clientHeight || words.classList.contains("open"));
  cards.forEach((card, at) => { card.querySelector(".more").hidden = !cut[at]; });
}

function variantLine(record) {
  const inHeading = group.value.replace("variant.", "");
  const shown = Object.entries(record.variant).filter(([name, value]) => value !== "" && name !== inHeading);
  if (!shown.length) return null;
  return element("p", { className: "axes" }, ...shown.map(([name, value]) =>
    element("bdi", { textContent: plain(value), title: plain(name) })));
}

function factLine(job) {
  const { record } = job;
  const video = record.video;
  const size = video?.width ? `${video.width}×${video.height}` : record.size?.replace("*", "×") ?? "as the image";
  const length = video?.duration_s ? Number(video.duration_s.toFixed(1)) : record.duration_s;
  const facts = [price(job), `${length} s`, size, record.provider];
  return element("div", { className: "facts" },
    element("p", {}, element("b", { className: "state", textContent: standing(record) }),
      ...facts.map((fact) => element("span", { textContent: fact }))),
    element("p", {}, element("span", { textContent: `seed ${record.seed_reported ?? record.seed}` }),
      element("span", { textContent: `from the ${record.seed_source}` })),
    problemLine(job));
}

function problemLine(job) {
  const reason = trouble(job);
  return reason && element("p", { className: "problem", dir: "auto", textContent: plain(reason.message) });
}

function linkLine(job) {
  const links = [element("a", { href: `#${job.record.job_id}`, textContent: "record" })];
  if (job.href) links.push(fileLink(job));
  return element("p", { className: "links" }, ...links);
}

function fileLink(job) {
  return element("a", { href: job.href, target: "_blank", rel: "noopener", textContent: "file" });
}

/** A steady tint for a job without a picture. */
function hueOf(id) {
  let sum = 0;
  for (const letter of id.slice(0, 8)) sum = (sum * 33 + letter.charCodeAt(0)) % 360;
  return sum;
}
