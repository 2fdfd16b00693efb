// Which videos are loaded and which play: only those near the eye, and never more than a few at once.

const MOST_PLAYING = matchMedia("(max-width: 700px)").matches ? 4 : 9;
const LOAD_WITHIN = "300px 0px";
const FORGET_BEYOND = "1800px 0px";
const ENOUGH_SEEN = 0.5;

const still = matchMedia("(prefers-reduced-motion: reduce)");
const seen = new Map(); // card -> share of it that is in view
let pointed = null; // the card under the pointer or the focus: it plays first
let paused = false; // while the dialog is open
let choosing = 0;

const near = new IntersectionObserver((changes) => {
  const arrived = changes.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target);
  offerMore(arrived);
  arrived.forEach(load);
}, { rootMargin: LOAD_WITHIN });

const far = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) if (!isIntersecting) forget(target);
}, { rootMargin: FORGET_BEYOND });

const inView = new IntersectionObserver((changes) => {
  for (const { target, intersectionRatio } of changes) {
    if (intersectionRatio > 0) seen.set(target, intersectionRatio);
    else seen.delete(target);
  }
  choose();
}, { threshold: [0, 0.25, ENOUGH_SEEN, 0.75, 1] });

/** Take care of a card while it is in the grid. */
function watch(card) {
  near.observe(card);
  if (!jobOf.get(card).href) return;
  for (const observer of [far, inView]) observer.observe(card);
  const point = (to) => () => { pointed = to; choose(); };
  for (const event of ["pointerenter", "focusin"]) card.addEventListener(event, point(card));
  for (const event of ["pointerleave", "focusout"]) card.addEventListener(event, point(null));
}

/** Let go of every card, before the grid is made anew. */
function unwatchAll() {
  for (const observer of [near, far, inView]) observer.disconnect();
  for (const video of document.querySelectorAll("#grid video")) release(video);
  seen.clear();
  pointed = null;
}

function load(card) {
  if (!jobOf.get(card).href || card.querySelector("video")) return;
  const video = element("video", { muted: true, loop: true, playsInline: true, preload: "metadata", tabIndex: -1 });
  video.setAttribute("aria-hidden", "true");
  video.addEventListener("error", () => {
    const lost = element("span", { className: "waiting", textContent: "the file did not load" });
    if (video.isConnected) video.replaceWith(lost);
  });
  video.src = jobOf.get(card).href;
  card.querySelector(".stage").prepend(video);
  choose();
}

function forget(card) {
  const video = card.querySelector("video");
  if (!video) return;
  video.remove();
  release(video);
}

function release(video) {
  video.pause();
  video.removeAttribute("src");
  video.load();
}

function choose() {
  choosing ||= requestAnimationFrame(() => {
    choosing = 0;
    const chosen = new Set(paused ? [] : worthPlaying().slice(0, MOST_PLAYING));
    for (const video of document.querySelectorAll("#grid video")) {
      if (!chosen.has(video)) video.pause();
    }
    // A play that the browser refuses (battery saving, for one) leaves the first frame standing.
    for (const video of chosen) if (video.paused) video.play().catch(() => {});
  });
}

/** The videos that may play, the one pointed at first, then as they stand on the page. */
function worthPlaying() {
  const cards = still.matches ? [] : [...seen].filter(([, share]) => share >= ENOUGH_SEEN).map(([card]) => card);
  cards.sort((one, other) => jobOf.get(one).place - jobOf.get(other).place);
  if (pointed) cards.unshift(pointed);
  return [...new Set(cards)].map((card) => card.querySelector("video")).filter((video) => video !== null);
}

still.addEventListener("change", choose);
document.addEventListener("visibilitychange", () => { pauseGrid(document.hidden || detail.open); });

function pauseGrid(yes) {
  paused = yes;
  choose();
}
