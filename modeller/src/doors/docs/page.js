// The page: navigation, search, and one card an operation.

const $ = (id) => document.getElementById(id);
const METHODS = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];
const cards = new Map();

start();

async function start() {
  try {
    const answer = await fetch("/@openapi.json", { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    api = await answer.json();
  } catch (error) {
    $("loading").textContent = `The description could not be loaded: ${error.message}. Reload the page to try again.`;
    $("loading").classList.add("failed");
    return;
  }
  show();
  addEventListener("hashchange", follow);
  follow();
}

/** All operations, by tag, in the document's order. */
function groups() {
  const found = new Map((api.tags ?? []).map((tag) => [tag.name, { ...tag, operations: [] }]));
  for (const [path, item] of Object.entries(api.paths ?? {})) {
    for (const method of METHODS.filter((method) => item[method])) {
      const operation = { ...item[method], method, path, shared: item.parameters ?? [] };
      const tag = operation.tags?.[0] ?? "other";
      if (!found.has(tag)) found.set(tag, { name: tag, operations: [] });
      found.get(tag).operations.push(operation);
    }
  }
  return [...found.values()].filter((group) => group.operations.length);
}

/** The names of a group's fields, for the search and the overview: those of the documents it answers. */
function documentOf(group) {
  const insert = group.operations.find((operation) => operation.path.endsWith("/insert"));
  return insert?.responses?.["201"]?.content?.["application/json"]?.schema;
}

function show() {
  const title = api.info?.title ?? "API";
  document.title = `${title} · API reference`;
  $("title").textContent = title;
  $("version").textContent = api.info?.version ?? "";
  const all = groups();
  const main = el("div", { class: "page" });
  main.append(
    el(
      "header",
      { class: "hero" },
      el("h1", {}, title),
      ...prose(api.info?.description),
      el(
        "p",
        { class: "facts" },
        el("span", {}, "Base URL ", el("code", {}, baseUrl())),
        el("a", { href: "/@openapi.json" }, "OpenAPI document"),
        el("a", { href: "/@metadata" }, "Metadata"),
      ),
    ),
  );
  for (const group of all) {
    $("models").append(navigation(group));
    main.append(section(group));
  }
  $("content").replaceChildren(main);
  $("search").addEventListener("input", search);
  $("search").addEventListener("keydown", searchKeys);
  addEventListener("keydown", (event) => {
    const writing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      openMenu(true);
      $("search").focus();
    }
  });
  $("menu").addEventListener("click", () => openMenu($("menu").getAttribute("aria-expanded") !== "true"));
  $("nav").addEventListener("click", (event) => event.target.closest("a") && openMenu(false));
}

function baseUrl() {
  return new URL(api.servers?.[0]?.url ?? "/", location.href).href.replace(/\/$/, "");
}

function openMenu(open) {
  $("menu").setAttribute("aria-expanded", String(open));
  $("side").classList.toggle("open", open);
}

const badge = (method) => el("span", { class: `badge ${method}` }, method.toUpperCase());

/** The last part of a path is what an operation is called. */
const shortName = (operation) =>
  operation.tags?.[0] && operation.path.startsWith(`/${operation.tags[0]}/`)
    ? operation.path.slice(operation.tags[0].length + 2)
    : operation.path;

function navigation(group) {
  const fields = Object.keys(resolve(documentOf(group))?.properties ?? {}).join(" ");
  const links = group.operations.map((operation) =>
    el(
      "li",
      { "data-text": `${group.name} ${operation.path} ${operation.summary ?? ""} ${operation.operationId}`.toLowerCase() },
      el("a", { href: `#${operation.operationId}`, title: operation.summary }, badge(operation.method), el("span", {}, shortName(operation))),
    ),
  );
  const fold = el(
    "details",
    { "data-fields": fields.toLowerCase(), "data-group": group.name },
    el("summary", {}, group.name, el("span", { class: "count" }, String(links.length))),
    el("ul", {}, links),
  );
  return fold;
}

function search() {
  const wanted = $("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  let any = false;
  for (const group of $("models").children) {
    const fields = group.dataset.fields;
    let shown = 0;
    for (const item of group.querySelectorAll("li")) {
      item.hidden = !wanted.every((word) => item.dataset.text.includes(word) || fields.includes(word));
      if (!item.hidden) shown += 1;
    }
    group.hidden = shown === 0;
    group.open = wanted.length ? shown > 0 : group.dataset.group === currentGroup;
    any ||= shown > 0;
  }
  $("nothing").hidden = any;
}

function searchKeys(event) {
  if (event.key === "Escape") {
    $("search").value = "";
    search();
  } else if (event.key === "Enter") {
    const first = [...$("models").querySelectorAll("li")].find((item) => !item.hidden && !item.parentNode.parentNode.hidden);
    first?.querySelector("a").click();
  }
}

function section(group) {
  const fields = documentOf(group);
  const title = el("h2", { id: `tag-${group.name}` }, group.name);
  const content = [title, ...prose(group.description)];
  if (fields) {
    const fold = el("details", { class: "fields" }, el("summary", {}, "Fields of a document"));
    fold.addEventListener("toggle", () => fold.open && fold.append(tree(inside(fields))), { once: true });
    content.push(fold);
  }
  return el("section", { class: "group", "aria-label": group.name }, ...content, ...group.operations.map(card));
}

function card(operation) {
  const fold = el(
    "details",
    { class: "card", id: operation.operationId },
    el(
      "summary",
      {},
      badge(operation.method),
      el("code", { class: "path" }, operation.path),
      el("span", { class: "summary" }, operation.summary ?? ""),
    ),
  );
  fold.addEventListener("toggle", () => fold.open && fold.append(operationView(operation)), { once: true });
  cards.set(operation.operationId, { fold, group: operation.tags?.[0] });
  return fold;
}

let currentGroup = null;

/** Opens and shows what the address names. */
function follow() {
  const name = decodeURIComponent(location.hash.slice(1));
  const found = cards.get(name);
  for (const link of document.querySelectorAll("#models a")) {
    const here = link.getAttribute("href") === `#${name}`;
    if (here) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  currentGroup = found?.group ?? $("models").firstElementChild?.dataset.group ?? null;
  if (!$("search").value) for (const group of $("models").children) group.open = group.dataset.group === currentGroup;
  if (found) {
    found.fold.open = true;
    requestAnimationFrame(() => {
      found.fold.scrollIntoView({ block: "start" });
      found.fold.querySelector("summary").focus({ preventScroll: true });
    });
  } else if (name === "") scrollTo(0, 0);
}

function operationView(operation) {
  const parameters = inputs(operation);
  const body = resolve(operation.requestBody);
  const media = body?.content?.["application/json"];
  const about = el("div", { class: "about" }, ...prose(operation.description));
  if (parameters.length) {
    for (const [place, label] of [["path", "In the path"], ["query", "In the query"], ["header", "Headers"]]) {
      const some = parameters.filter((one) => one.in === place);
      if (some.length) about.append(block(label, ...parameterList(some)));
    }
  }
  if (media) about.append(block(body.required ? "Body" : "Body (optional)", schemaView(media.schema)));
  about.append(block("Answers", answers(operation)));
  return el("div", { class: "card-body" }, about, el("div", { class: "aside" }, tryIt(operation, parameters, media)));
}

/** Parameters as a tree; fields to filter by are many and alike, so they are folded where others stand beside them. */
function parameterList(parameters) {
  const row = (one) => [one.name, { ...resolve(one.schema), description: one.description }, one.required];
  const notes = [...new Set(parameters.map((one) => one.note).filter(Boolean))];
  const filters = parameters.filter((one) => one["x-filter"]);
  const others = parameters.filter((one) => !one["x-filter"]);
  const found = notes.flatMap(prose);
  if (others.length) found.push(tree(others.map(row)));
  if (filters.length) {
    const names = filters.slice(0, 4).map((one) => one.name).join(", ");
    const fold = el(
      "details",
      { class: "more", open: others.length === 0 },
      el("summary", {}, `${filters.length} fields to filter by: ${names}${filters.length > 4 ? ", …" : ""}`),
      tree(filters.map(row)),
    );
    found.push(others.length ? fold : tree(filters.map(row)));
  }
  return found;
}

/** Parameters one by one: an exploded object is as many as it has members. */
function inputs(operation) {
  return [...operation.shared, ...(operation.parameters ?? [])].map(resolve).flatMap((one) => {
    const media = Object.values(one.content ?? {})[0];
    const schema = resolve(one.schema ?? media?.schema ?? {});
    if (one.in === "query" && one.explode !== false && schema.type === "object" && !one.content) {
      return Object.entries(schema.properties ?? {}).map(([name, value]) => ({
        name,
        in: "query",
        schema: value,
        "x-filter": true,
        note: one.description,
        description: resolve(value).description,
      }));
    }
    return [{ ...one, schema: one.schema ?? media?.schema ?? {} }];
  });
}

function answers(operation) {
  const rows = Object.entries(operation.responses ?? {}).map(([status, response]) => {
    const full = resolve(response);
    const schema = Object.values(full.content ?? {})[0]?.schema;
    const codes = schema?.properties?.code?.enum;
    const head = el(
      "summary",
      {},
      el("span", { class: `status s${status[0]}` }, status),
      el("span", {}, codes ? codes.flatMap((code) => [el("code", {}, code), " "]) : words(full.description)),
    );
    const fold = el("details", { class: "answer" }, head);
    const unfold = () => {
      if (!fold.open) return;
      if (codes) fold.append(...prose(full.description));
      const headers = Object.entries(full.headers ?? {}).map(([name, header]) => {
        const shown = resolve(header);
        return [name, { ...resolve(shown.schema), description: shown.description }, shown.required];
      });
      if (headers.length) fold.append(tree(headers));
      if (schema) fold.append(schemaView(schema));
    };
    fold.addEventListener("toggle", unfold, { once: true });
    return fold;
  });
  return el("div", { class: "answers" }, rows);
}

