// @ts-check
// What the simulated phone can do only with script: read pictures, keep a chat fresh, and open the developer's drawer.

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T | null}
 */
const find = (selector, type) => {
  const found = document.querySelector(selector);
  return found instanceof type ? found : null;
};

/** @param {string} text */
const show = (text) => location.assign(`/phone?${new URLSearchParams({ scan: text.trim() })}`);

/** @returns {Promise<{detect(image: ImageBitmap): Promise<{rawValue: string}[]>} | null>} */
async function pictureReader() {
  const Detector = /** @type {any} */ (globalThis).BarcodeDetector;
  if (!Detector) return null;
  try {
    const formats = await Detector.getSupportedFormats();
    return formats.includes("qr_code") ? new Detector({ formats: ["qr_code"] }) : null;
  } catch {
    return null;
  }
}

async function camera() {
  const drop = find("#drop", HTMLElement);
  const picture = find("#picture", HTMLElement);
  const input = find("#picture input", HTMLInputElement);
  const says = find("#picture-says", HTMLElement);
  const hint = find("#picture-hint", HTMLElement);
  const noReader = find("#no-reader", HTMLElement);
  if (!drop || !picture || !input || !says || !hint || !noReader) return;

  const reader = await pictureReader();
  picture.hidden = !reader;
  hint.hidden = !reader;
  noReader.hidden = Boolean(reader);

  /** @param {Blob | null | undefined} file */
  const read = async (file) => {
    if (!file || !reader) return;
    says.textContent = "";
    try {
      const [code] = await reader.detect(await createImageBitmap(file));
      if (code?.rawValue) return show(code.rawValue);
    } catch {
      // Not a picture: the same sentence.
    }
    says.textContent = input.dataset.none ?? "";
  };

  input.addEventListener("change", () => read(input.files?.[0]));
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const text = event.dataTransfer?.getData("text/plain");
    const file = event.dataTransfer?.files[0];
    if (file) read(file);
    else if (text) show(text);
  });
  addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (file && reader) {
      event.preventDefault();
      read(file);
    }
  });
}

/** Whose phone it is may stand far to the right. */
function people() {
  const row = find(".people", HTMLElement);
  const owner = find('.people [aria-pressed="true"]', HTMLElement);
  if (!row || !owner) return;
  // The row alone: the page is not to move under a finger.
  const toOwner = () => row.scrollTo({ left: owner.offsetLeft - row.offsetLeft - (row.clientWidth - owner.offsetWidth) / 2 });
  toOwner();
  addEventListener("resize", toOwner);
}

/** How many attempts of the message push the drawer shows. */
const LATEST = 8;
/** How often an open chat is read again. */
const CHAT_MS = 1500;

/** Shows what is new in the chat; replies come when the account likes. */
function chat() {
  const lines = find("#lines", HTMLElement);
  if (!lines) return;
  const toEnd = () => lines.scrollTo({ top: lines.scrollHeight });
  toEnd();
  // The keyboard of a real phone leaves less room.
  addEventListener("resize", toEnd);
  const read = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("#lines");
    if (!fresh || fresh.innerHTML === lines.innerHTML) return;
    lines.replaceChildren(...fresh.childNodes);
    toEnd();
  };
  setInterval(() => {
    if (!document.hidden) read().catch(() => {});
  }, CHAT_MS);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 */
async function call(method, path, body) {
  const response = await fetch(`/sandbox/api/${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/**
 * Shows the items, or in words of the list that there are none.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement[]} items
 */
function fill(list, items) {
  const none = document.createElement("li");
  none.textContent = list.dataset.none ?? "";
  list.replaceChildren(...(items.length === 0 ? [none] : items));
}

function developer() {
  const drawer = find("#developer", HTMLElement);
  const says = find("#developer-says", HTMLElement);
  const list = find("#faults", HTMLUListElement);
  const form = find("#fault", HTMLFormElement);
  const push = find("#push", HTMLFormElement);
  const pushes = find("#pushes", HTMLOListElement);
  const settings = find("#settings", HTMLFormElement);
  if (!drawer || !says || !list || !form || !push || !pushes || !settings) return;
  const words = drawer.dataset;
  drawer.hidden = false;

  /** @type {Record<string, unknown>[]} */
  let faults = [];

  const draw = () => {
    const items = faults.map((fault, index) => {
      const { endpoint, times, ...effect } = fault;
      const text = document.createElement("code");
      text.textContent = `${endpoint} ${JSON.stringify(effect)} × ${times ?? words.always}`;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "button small";
      remove.textContent = words.remove ?? "";
      remove.addEventListener("click", () => set(faults.filter((_, other) => other !== index)));
      const item = document.createElement("li");
      item.append(text, remove);
      return item;
    });
    fill(list, items);
  };

  /** @param {() => Promise<void>} work */
  const attempt = async (work) => {
    says.textContent = "";
    try {
      await work();
      says.textContent = words.done ?? "";
    } catch (error) {
      says.textContent = `${words.failed}: ${error instanceof Error ? error.message : error}`;
    }
  };

  /** @param {Record<string, unknown>[]} wanted */
  const set = (wanted) => attempt(async () => {
    faults = (await call("PUT", "faults", wanted)).faults;
    draw();
  });

  /** @param {{ switches: Record<string, unknown>, attempts: Record<string, unknown>[] }} answer */
  const drawPush = ({ switches, attempts }) => {
    for (const input of push.querySelectorAll("input")) {
      if (input.type === "checkbox") input.checked = Boolean(switches[input.name]);
      else input.value = String(switches[input.name]);
    }
    const items = attempts.slice(-LATEST).reverse().map(({ user, event, copy, attempt, result, detail }) => {
      const item = document.createElement("li");
      const text = document.createElement("code");
      text.textContent = `${event} ${user} ${copy}.${attempt} ${result}${detail ? `: ${detail}` : ""}`;
      item.append(text);
      return item;
    });
    fill(pushes, items);
  };

  const fields = () => settings.querySelectorAll(/** @type {"input"} */ ("input, select"));

  /** @param {Record<string, unknown>} values */
  const drawSettings = (values) => {
    for (const field of fields()) field.value = String(values[field.name]);
  };

  const refresh = async () => {
    faults = (await call("GET", "faults")).faults;
    draw();
    drawPush(await call("GET", "push"));
    drawSettings(await call("GET", "settings"));
  };

  settings.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = [...fields()].map(({ name, value, dataset }) => [name, "number" in dataset ? Number(value) : value]);
    attempt(async () => drawSettings(await call("PUT", "settings", Object.fromEntries(values))));
  });

  push.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = [...push.querySelectorAll("input")]
      .map((input) => [input.name, input.type === "checkbox" ? input.checked : input.valueAsNumber]);
    attempt(async () => drawPush(await call("PUT", "push", Object.fromEntries(values))));
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = new FormData(form);
    const times = values.get("times") ? { times: 1 } : {};
    await refresh().catch(() => {});
    await set([...faults, { endpoint: values.get("endpoint"), ...JSON.parse(String(values.get("effect"))), ...times }]);
  });
  drawer.addEventListener("click", (event) => {
    const button = event.target instanceof HTMLButtonElement ? event.target : null;
    const advance = button?.dataset.advance;
    if (advance) attempt(() => call("POST", "clock", { advance_s: Number(advance) }));
    if (button && "reset" in button.dataset) {
      attempt(async () => {
        await call("POST", "reset", {});
        location.reload();
      });
    }
  });
  // Faults are used up while this page looks on, so they are read again whenever the drawer opens.
  find("#developer details", HTMLDetailsElement)?.addEventListener("toggle", () => refresh().catch(() => {}));
}

people();
camera();
chat();
developer();
