// One job in full: its video with controls, every fact with its name, what went wrong and what to do, its record.

const detail = document.getElementById("detail");
let opened = null;

function openDetail(job) {
  if (opened) shut();
  opened = job;
  detail.replaceChildren(detailBar(job), element("div", { className: "sheet" }, detailStage(job), detailFacts(job)));
  if (!detail.open) detail.showModal();
  detail.focus(); // the button that had it may be gone, and the arrow keys are heard here
  pauseGrid(true);
  setHash(`#${job.record.job_id}`);
  const video = detail.querySelector("video");
  if (video && !still.matches) video.play().catch(() => {});
}

function shut() {
  const video = detail.querySelector("video");
  if (video) release(video);
}

function setHash(hash) {
  if (location.hash !== hash) history.replaceState(null, "", hash || location.pathname + location.search);
}

function detailBar(job) {
  const title = element("h2", { id: "detail-title", textContent: `${job.record.creative_id}: ${standing(job.record)}` });
  const turn = (step, arrow, name) => {
    const button = element("button", { type: "button", textContent: arrow, title: name, disabled: !neighbour(job, step) });
    button.setAttribute("aria-label", name);
    button.addEventListener("click", () => openDetail(neighbour(job, step)));
    return button;
  };
  const close = element("button", { type: "button", className: "close", textContent: "close" });
  close.addEventListener("click", () => detail.close());
  return element("div", { className: "detail-bar" }, title, turn(-1, "\u2190", "previous"), turn(1, "\u2192", "next"), close);
}

/** The job before or after this one among those that the page shows now. */
function neighbour(job, step) {
  const at = shownJobs.indexOf(job);
  return at < 0 ? undefined : shownJobs[at + step];
}

function detailStage(job) {
  const frame = element("div", { className: "detail-stage" });
  frame.style.setProperty("--ratio", shape(job).toFixed(4));
  frame.style.setProperty("--hue", String(hueOf(job.record.job_id)));
  if (job.href) frame.append(element("video", { src: job.href, controls: true, loop: true, playsInline: true }));
  else frame.append(element("span", { className: "waiting", textContent: standing(job.record) }));
  frame.append(badges(job));
  return frame;
}

function detailFacts(job) {
  const { record } = job;
  const list = element("dl", {});
  const fact = (name, value) => {
    if (value === null || value === undefined || value === "") return;
    list.append(element("div", {}, element("dt", { textContent: name }),
      element("dd", { dir: "auto" }, value instanceof Node ? value : plain(value))));
  };
  const reason = trouble(job);
  if (reason) {
    fact("what happened", [reason.kind, reason.code, reason.message].filter(Boolean).join(": "));
    fact("what to do", reason.hint && element("span", {}, ...marked(reason.hint)));
  }
  fact("prompt", record.prompt);
  fact("prompt as rendered", record.prompt_expanded);
  fact("not wanted", record.negative_prompt);
  for (const part of ["variant", "labels"]) for (const [name, value] of Object.entries(record[part])) fact(plain(name), value);
  fact("seed", `${record.seed} from the ${record.seed_source}` +
    (record.seed_reported === null || record.seed_reported === record.seed ? "" : `; the provider used ${record.seed_reported}`));
  fact("cost", `${price(job)}${record.cost_usd === null ? "" : `, by the ${record.cost_source.replace("_", " ")}`}` +
    (record.simulated ? " (simulated)" : ""));
  const surplus = record.purchases.filter((purchase) => purchase.state === "surplus").map((purchase) => purchase.task_id);
  fact("surplus", surplus.length === 0 ? null : `turned up after this was bought anew, and is in the cost: ${surplus.join(", ")}`);
  fact("provider", [record.provider, record.account, record.region].filter(Boolean).join(", "));
  fact("rendered in", record.render_s === null ? null : `${record.render_s.toFixed(1)} s`);
  fact("matrix lines", record.source_lines.join(", "));
  fact("file", job.href && fileLink(job));
  const json = element("pre", { tabIndex: 0, textContent: wholeRecord(job) });
  return element("div", { className: "detail-facts" }, list,
    element("details", { open: true }, element("summary", { textContent: "record: this job's line of the manifest" }), json));
}

detail.addEventListener("close", () => {
  shut();
  detail.replaceChildren();
  opened = null;
  setHash("");
  pauseGrid(document.hidden);
});
detail.addEventListener("click", (event) => { if (event.target === detail) detail.close(); });
detail.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || event.target.closest("video, pre") || !neighbour(opened, step)) return;
  event.preventDefault();
  openDetail(neighbour(opened, step));
});
