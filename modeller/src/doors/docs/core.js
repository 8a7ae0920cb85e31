// Elements, text and references. Whatever comes from the server goes onto the page as text, never as markup.

/** Makes an element: attributes as an object (functions become listeners), children as nodes or text. */
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value === true) node.setAttribute(key, "");
    else node.setAttribute(key, String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Words with `code` in them, as nodes. */
function words(text) {
  return String(text ?? "")
    .split("`")
    .map((part, at) => (at % 2 ? el("code", {}, part) : part))
    .filter((part) => part !== "");
}

/** Paragraphs with `code` in them. */
function prose(text) {
  return String(text ?? "")
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph.trim() !== "")
    .map((paragraph) => el("p", {}, words(paragraph.replace(/\s+/g, " ").trim())));
}

let api = { paths: {}, components: {} };

/** What a `$ref` leads to, with what stands beside it. */
function resolve(value) {
  let seen = 0;
  let found = value;
  while (found && typeof found === "object" && typeof found.$ref === "string" && seen++ < 20) {
    const { $ref, ...beside } = found;
    const target = $ref
      .replace(/^#\/?/, "")
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
      .reduce((at, part) => (at && Object.hasOwn(at, part) ? at[part] : undefined), api);
    if (!target || typeof target !== "object") return beside;
    found = { ...target, ...beside };
  }
  return found;
}

/** The last part of a `$ref`. */
function refName(value) {
  return typeof value?.$ref === "string" ? value.$ref.split("/").pop() : null;
}

/** A button that copies text, and says that it did. */
function copyButton(text) {
  const button = el("button", { type: "button", class: "quiet" }, "Copy");
  button.addEventListener("click", async () => {
    let done = true;
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      done = false;
    }
    button.textContent = done ? "Copied" : "Not allowed";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

/** A title with its content below. */
function block(title, ...content) {
  return el("section", { class: "block" }, el("h4", {}, title), ...content);
}

/** JSON with a colour for each kind of value. */
function json(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const out = el("code", {});
  const token = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  if (text.length > 200_000) {
    out.append(text);
    return out;
  }
  let at = 0;
  for (const match of text.matchAll(token)) {
    out.append(text.slice(at, match.index));
    const kind = match[2] !== undefined ? "key" : match[1] ? "str" : /^[-\d]/.test(match[0]) ? "num" : "lit";
    out.append(el("span", { class: `j-${kind}` }, match[1] ?? match[0]), match[2] ?? "");
    at = match.index + match[0].length;
  }
  out.append(text.slice(at));
  return out;
}

