// Small conveniences; every page works without them.
"use strict";

// Times are written in UTC; people read them in their own zone.
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const language = document.documentElement.lang;
    time.textContent = at.toLocaleString(language, { dateStyle: "medium", timeStyle: "medium" });
    time.title = time.dateTime;
  }
}

// The live parts of another answer and of this page.
async function livePart(url, options) {
  const answer = await fetch(url, { redirect: "error", ...options });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [fresh, old] = [page.getElementById("live"), document.getElementById("live")];
  if (!fresh || !old) throw new Error("another page");
  return { fresh, old, title: page.querySelector(".title") };
}

// What stands in the place of the focused link or button afterwards; null where somebody types.
function focused(live) {
  const element = document.activeElement;
  if (!live.contains(element) || element === document.body) return () => {};
  if (!element.matches("a[href], summary, form button")) return null;
  const all = (root) => [...root.querySelectorAll(element.localName)];
  const same = (other) => other.getAttribute("href") === element.getAttribute("href") && other.textContent === element.textContent;
  const index = all(live).filter(same).indexOf(element);
  return () => all(live).filter(same)[index]?.focus({ preventScroll: true });
}

function startRefresh() {
  const live = document.getElementById("live");
  const seconds = Number(live?.dataset.refresh);
  if (!seconds) return;
  const note = document.querySelector(".refresh");
  const words = note?.textContent;
  if (note) note.hidden = false;
  let busy = false;
  let last = new Date();
  // A page that has stood still says since when.
  const tell = (stale) => {
    if (!note) return;
    const at = last.toLocaleTimeString(document.documentElement.lang);
    const text = stale ? note.dataset.stale.replace("{}", at) : words;
    if (note.textContent !== text) note.textContent = text;
    note.classList.toggle("notice", stale);
    note.classList.toggle("warning", stale);
    note.setAttribute("role", stale ? "alert" : "none");
  };
  const turn = setInterval(async () => {
    if (busy || document.hidden || !focused(live)) return;
    busy = true;
    try {
      // Says that nobody asks but the page itself: the session's idle time goes on.
      const parts = await livePart(location.href, { headers: { "X-Refresh": "1" } });
      const refocus = focused(live);
      if (!refocus) return;
      parts.old.replaceChildren(...parts.fresh.childNodes);
      localTimes(parts.old);
      refocus();
      // The state stands beside the heading.
      const title = document.querySelector(".title");
      if (parts.title && title?.innerHTML !== parts.title.innerHTML) title?.replaceWith(parts.title);
      last = new Date();
      tell(false);
      if (!parts.fresh.dataset.refresh) {
        clearInterval(turn);
        if (note) note.hidden = true;
      }
    } catch {
      // The node restarts, the network is away, or nobody is signed in: the next turn tries again.
      tell(true);
    } finally {
      busy = false;
    }
  }, seconds * 1000);
}

// What is wrong with a field stands at it.
function followErrors(form, fresh) {
  for (const field of form.querySelectorAll(".field")) {
    const input = field.querySelector("[name]");
    const other = fresh.querySelector(`[name="${input.name}"]`);
    const error = other?.closest(".field").querySelector(".error");
    field.querySelector(".error")?.remove();
    if (error) field.append(error);
    field.classList.toggle("wrong", Boolean(error));
    for (const name of ["aria-invalid", "aria-describedby"]) {
      const value = other?.getAttribute(name);
      if (value) input.setAttribute(name, value);
      else input.removeAttribute(name);
    }
  }
}

// Search as you type: what stands below the search form follows it.
function startSearch() {
  for (const form of document.querySelectorAll("form[data-live]")) {
    let waiting = null;
    let running = null;
    const search = async () => {
      running?.abort();
      running = new AbortController();
      const url = new URL(form.action, location.href);
      url.search = new URLSearchParams(new FormData(form)).toString();
      try {
        const parts = await livePart(url, { signal: running.signal });
        const fresh = parts.fresh.querySelector("form[data-live]");
        while (form.nextSibling) form.nextSibling.remove();
        while (fresh?.nextSibling) form.parentNode.append(fresh.nextSibling);
        if (fresh) followErrors(form, fresh);
        history.replaceState(null, "", url);
        localTimes(parts.old);
      } catch {
        // Overtaken by the next letter, or the network is away: the button still works.
      }
    };
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(search, 120);
    });
  }
}

// On a telephone the menu starts closed.
function startMenu() {
  const menu = document.querySelector("details.menu");
  if (!menu) return;
  const narrow = matchMedia("(max-width: 760px)");
  const follow = () => { menu.open = !narrow.matches; };
  narrow.addEventListener("change", follow);
  follow();
}

// Areas of the navigation that somebody opens stay open: a cookie, so that the next page comes with them open.
function keepGroups() {
  for (const summary of document.querySelectorAll("details.group > summary")) {
    const group = summary.parentElement;
    summary.addEventListener("click", () => {
      const kept = document.cookie.match(/(?:^|; )zaiseki-menu=([^;]*)/)?.[1].split(".") ?? [];
      const open = kept.filter((key) => key && key !== group.dataset.group);
      // It opens or closes after this.
      if (!group.open) open.push(group.dataset.group);
      document.cookie = `zaiseki-menu=${open.join(".")}; Path=/console/; Max-Age=31536000; Secure; SameSite=Lax`;
    });
  }
}

// Nobody posts twice by a double click.
function startForms() {
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "1";
    // The answer may be a file: then this page stays, and its buttons are of use again.
    setTimeout(() => { delete event.target.dataset.sent; }, 5000);
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
}

localTimes(document);
startRefresh();
startSearch();
startMenu();
keepGroups();
startForms();
