// The chat page: Converse.js against the node that served this page. Nothing is fetched from anywhere else.
import "./converse/converse.min.js";

const { converse } = window;

/** The reader's language among those we ship; English when none fits. */
function pageLanguage() {
  const wanted = (navigator.languages ?? [navigator.language]).map((tag) => tag.split("-")[0].toLowerCase());
  return wanted.find((tag) => tag === "ja" || tag === "en") ?? "en";
}

/** True for 127.0.0.1 and [::1]: an address is no XMPP domain to suggest. */
function isAddress(host) {
  return /^[\d.]+$/.test(host) || host.startsWith("[");
}

/** The domain that this node serves: from its own settings file, else the name in the address bar. */
async function servedDomain() {
  try {
    const reply = await fetch("config.json", { credentials: "omit" });
    if (reply.ok) {
      const { domain } = await reply.json();
      if (typeof domain === "string" && domain !== "") return domain;
    }
  } catch (cause) {
    console.info("No settings of the node; taking the domain from the address.", cause);
  }
  return isAddress(location.hostname) ? undefined : location.hostname;
}

/**
 * A ready sign-in, `#user=…&password=…`, as the demo prints it. A fragment never leaves the browser; it is removed from the
 * address bar and the history at once.
 */
function takeReadySignIn() {
  const given = new URLSearchParams(location.hash.slice(1));
  const jid = given.get("user");
  const password = given.get("password");
  if (!jid || !password) return undefined;
  history.replaceState(null, "", location.pathname + location.search);
  return { jid, password };
}

/** Of one `<status>` per language (RFC 6121 §4.7.2.2), the reader's, else the first. */
function statusIn(presence, language) {
  const all = [...presence.children].filter((child) => child.localName === "status");
  const lang = (el) => (el.getAttribute("xml:lang") ?? presence.getAttribute("xml:lang") ?? "").split("-")[0];
  return (all.find((el) => lang(el) === language) ?? all[0])?.textContent ?? "";
}

/** Draws our own element body in place of one of Converse's. */
async function redraw(element, render) {
  (await customElements.whenDefined(element)).prototype.render = render;
}

/** Our name on the sign-in page, and in place of the sponsors' pictures from elsewhere a word of thanks. */
function ownFace() {
  return {
    initialize() {
      const { html } = converse.env;
      redraw("converse-brand-logo", () => html`<h1 class="zaiseki-name">Zaiseki <span lang="ja">在席</span></h1>`);
      redraw("converse-controlbox-navbar", () => html``);
      redraw("converse-footer", () => html`<footer class="zaiseki-footer">
        <a href="converse/LICENSE.txt" target="_blank" rel="noopener">Converse.js 14, MPL-2.0</a></footer>`);
    },
  };
}

/** Shows each contact's status text (*In a meeting* …) under the name; Converse keeps it but does not show it. */
function statusLines(language) {
  const known = new Map(); // bare JID → Map of full JID → { priority, text }, newest last
  return {
    dependencies: ["converse-rosterview"],
    initialize() {
      const { _converse } = this;
      const { html } = converse.env;
      // Converse defines its elements after the plugins have started, and before the first row is drawn.
      customElements.whenDefined("converse-roster-contact").then((view) => {
        const renderRow = view.prototype.render;
        view.prototype.render = function render() {
          const text = shownText(known.get(this.model.get("jid")));
          const row = renderRow.call(this);
          return text ? html`${row}<span class="zaiseki-status" title=${text}>${text}</span>` : row;
        };
      });
      const onPresence = (presence) => {
        remember(known, presence, language);
        const bare = presence.getAttribute("from")?.split("/")[0];
        _converse.state.roster?.get(bare)?.trigger("change");
        return true; // stay registered
      };
      const listen = () => _converse.api.connection.get().addHandler(onPresence, null, "presence");
      _converse.api.listen.on("connected", listen);
      _converse.api.listen.on("reconnected", listen);
    },
  };
}

function remember(known, presence, language) {
  const from = presence.getAttribute("from") ?? "";
  const bare = from.split("/")[0];
  const resources = known.get(bare) ?? new Map();
  const type = presence.getAttribute("type");
  if (type === null) {
    const priority = Number(presence.querySelector("priority")?.textContent ?? 0);
    resources.delete(from); // the newest stands last
    resources.set(from, { priority, text: statusIn(presence, language) });
  } else if (type === "unavailable") {
    from === bare ? resources.clear() : resources.delete(from);
  }
  known.set(bare, resources);
}

/** The text of the resource whose availability Converse shows: the highest priority, of several the newest. */
function shownText(resources) {
  let best;
  for (const resource of resources?.values() ?? []) {
    if (!best || resource.priority >= best.priority) best = resource;
  }
  return best?.text;
}

function settings(language, domain, signIn) {
  const secure = location.protocol === "https:";
  return {
    view_mode: "fullscreen",
    assets_path: new URL("converse/", location.href).pathname,
    sounds_path: new URL("converse/sounds/", location.href).pathname,
    notification_icon: new URL("converse/images/logo/conversejs-filled-192.png", location.href).pathname,
    websocket_url: `${secure ? "wss" : "ws"}://${location.host}/xmpp-websocket`,
    bosh_service_url: `${location.origin}/http-bind`,
    discover_connection_methods: false,
    i18n: language,
    locales: ["en", "ja"],
    default_domain: domain,
    authentication: "login",
    auto_reconnect: true,
    // Two ready sign-ins are opened side by side in one browser: each tab keeps its own session.
    ...(signIn ? { ...signIn, auto_login: true, keepalive: false, persistent_store: "sessionStorage" } : {}),
    allow_registration: false,
    // No request leaves for another host: no directories of providers, no pictures or players from links.
    autocomplete_providers_url: "",
    xmpp_providers_url: "",
    providers_link: "",
    render_media: false,
    embed_3rd_party_media_players: false,
    fetch_url_headers: false,
    use_system_emojis: true,
    geouri_replacement: "geo:$1,$2",
    show_client_info: false,
    show_self_in_roster: false,
    // Archives are the company's: no end-to-end encryption in this client (and no WebAssembly in its policy). Rooms are not
    // served yet; chat.css hides their corner, since other plugins lean on Converse's code for rooms.
    blacklisted_plugins: [
      "converse-omemo",
      "converse-omemo-views",
      "converse-register",
      "converse-roomslist",
      "converse-push",
    ],
    whitelisted_plugins: ["zaiseki-face", "zaiseki-status"],
  };
}

function complain(language, cause) {
  const place = document.getElementById("trouble");
  place.textContent =
    (language === "ja" ? "チャットを開始できませんでした: " : "The chat could not be started: ") + (cause?.message ?? cause);
  place.hidden = false;
}

async function start() {
  const language = pageLanguage();
  document.documentElement.lang = language;
  try {
    const signIn = takeReadySignIn();
    converse.plugins.add("zaiseki-face", ownFace());
    converse.plugins.add("zaiseki-status", statusLines(language));
    await converse.initialize(settings(language, await servedDomain(), signIn));
  } catch (cause) {
    complain(language, cause);
    throw cause;
  }
}

await start();
