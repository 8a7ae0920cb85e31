// "Try it": a form that sends the request, the answer, and the same as a line for the shell.

/** The form beside an operation's description. */
function tryIt(operation, parameters, media) {
  const fields = parameters.map((one) => field(operation, one));
  const first = media && (media.example ?? sample(media.schema));
  const body = media && el("textarea", { rows: 8, spellcheck: "false", "aria-label": "Body as JSON" });
  if (body) body.value = JSON.stringify(first, null, 2);
  const line = el("code", {});
  const request = () => compose(operation, fields, body?.value);
  const refresh = () => (line.textContent = curl(request()));
  const output = el("div", { class: "output", "aria-live": "polite" });
  const send = el("button", { type: "submit", class: "send" }, "Send");
  const form = el(
    "form",
    { class: "try", "aria-label": `Try ${operation.path}` },
    el("div", { class: "try-head" }, el("h4", {}, "Try it"), send),
    fields.length ? fieldList(fields) : null,
    body ? el("label", { class: "body" }, el("span", {}, "Body"), body) : null,
    el("div", { class: "curl" }, el("div", { class: "curl-head" }, el("span", {}, "curl"), copyButton(() => line.textContent)), el("pre", {}, line)),
    output,
  );
  form.addEventListener("input", refresh);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(request(), send, output);
  });
  refresh();
  return form;
}

/** The inputs that are usual, and the others to unfold. */
function fieldList(fields) {
  const all = fields.map((one) => one.label);
  if (all.length <= 7) return el("div", { class: "inputs" }, all);
  const system = (one) => one.parameter["x-filter"] && /^_(?!id$)/.test(one.parameter.name);
  const shown = fields.filter((one) => !system(one)).slice(0, 9);
  const others = fields.filter((one) => !shown.includes(one));
  return el(
    "div",
    { class: "inputs" },
    shown.map((one) => one.label),
    others.length ? el("details", { class: "more" }, el("summary", {}, `${others.length} more`), others.map((one) => one.label)) : null,
  );
}

function field(operation, parameter) {
  const schema = resolve(parameter.schema);
  const id = `${operation.operationId}-${parameter.in}-${parameter.name}`;
  const choices = schema.type === "boolean" ? ["true", "false"] : schema.enum;
  const input = choices
    ? el("select", { id }, el("option", { value: "" }, ""), choices.map((choice) => el("option", { value: choice }, String(choice))))
    : el("input", { id, type: "text", autocomplete: "off", spellcheck: "false", placeholder: hint(parameter, schema) });
  return { parameter, input, label: el("div", { class: "field" }, el("label", { for: id }, parameter.name), input) };
}

function hint(parameter, schema) {
  if (parameter.content) return '{"field": {"$gt": 1}}';
  const given = schema.examples?.[0] ?? schema.default;
  if (given !== undefined) return String(given);
  if (schema.type === "array") return "a,b";
  return typeName(schema);
}

/** What would be sent. */
function compose(operation, fields, body) {
  let path = operation.path;
  const query = [];
  const headers = [];
  for (const { parameter, input } of fields) {
    const value = input.value;
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value === "") continue;
    else if (parameter.in === "query") query.push(`${encodeURIComponent(parameter.name)}=${encodeURIComponent(value)}`);
    else if (parameter.in === "header") headers.push([parameter.name, value]);
  }
  if (body !== undefined) headers.push(["Content-Type", "application/json"]);
  const url = baseUrl() + path + (query.length ? `?${query.join("&")}` : "");
  return { method: operation.method.toUpperCase(), url, headers, body };
}

/** The request as a line for a POSIX shell. */
function curl({ method, url, headers, body }) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const parts = [`curl ${method === "GET" ? "" : `-X ${method} `}${quote(url)}`];
  for (const [name, value] of headers) parts.push(`-H ${quote(`${name}: ${value}`)}`);
  if (body !== undefined) parts.push(`-d ${quote(body)}`);
  return parts.join(" \\\n  ");
}

async function run({ method, url, headers, body }, send, output) {
  send.disabled = true;
  const begun = performance.now();
  try {
    const answer = await fetch(url, { method, headers, body, credentials: "same-origin" });
    const text = await answer.text();
    const took = Math.round(performance.now() - begun);
    let shown = text;
    try {
      shown = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // Not JSON: shown as it came.
    }
    output.replaceChildren(
      el(
        "div",
        { class: "result" },
        el("span", { class: `status s${String(answer.status)[0]}` }, String(answer.status)),
        el("span", { class: "dim" }, `${answer.statusText} · ${took} ms`),
        copyButton(() => shown),
      ),
      responseHeaders(answer),
      el("pre", {}, shown === "" ? el("span", { class: "dim" }, "(no body)") : json(shown)),
    );
  } catch (error) {
    output.replaceChildren(el("p", { class: "failed" }, `The request could not be sent: ${error.message}`));
  }
  send.disabled = false;
}

function responseHeaders(answer) {
  const worth = ["etag", "next-cursor", "idempotent-replayed", "retry-after", "allow", "location"];
  const rows = worth.filter((name) => answer.headers.has(name)).map((name) => el("div", {}, el("span", {}, `${name}: `), answer.headers.get(name)));
  return rows.length ? el("div", { class: "headers" }, rows) : null;
}
