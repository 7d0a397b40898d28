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

// Puts the live part of another answer in the place of ours.
async function replaceLive(url, signal) {
  const answer = await fetch(url, { signal, headers: { "X-Live": "1" }, redirect: "error" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [fresh, old] = [page.getElementById("live"), document.getElementById("live")];
  if (!fresh || !old) return;
  return { fresh, old, title: page.querySelector(".title") };
}

function startRefresh() {
  const live = document.getElementById("live");
  const seconds = Number(live?.dataset.refresh);
  if (!seconds) return;
  const note = document.querySelector(".refresh");
  if (note) note.hidden = false;
  let busy = false;
  const turn = setInterval(async () => {
    const typing = live.contains(document.activeElement) && document.activeElement !== document.body;
    if (busy || document.hidden || typing) return;
    busy = true;
    try {
      const parts = await replaceLive(location.href);
      if (parts) {
        parts.old.replaceChildren(...parts.fresh.childNodes);
        localTimes(parts.old);
        // The state stands beside the heading.
        const title = document.querySelector(".title");
        if (parts.title && title?.innerHTML !== parts.title.innerHTML) title?.replaceWith(parts.title);
        if (!parts.fresh.dataset.refresh) {
          clearInterval(turn);
          if (note) note.hidden = true;
        }
      }
    } catch {
      // The node restarts or the network is away: the next turn tries again.
    } finally {
      busy = false;
    }
  }, seconds * 1000);
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
        const parts = await replaceLive(url, running.signal);
        if (!parts) return;
        const fresh = parts.fresh.querySelector("form[data-live]");
        while (form.nextSibling) form.nextSibling.remove();
        while (fresh?.nextSibling) form.parentNode.append(fresh.nextSibling);
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
