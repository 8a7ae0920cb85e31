// JSON Schemas as trees to unfold, and as examples.

/** The type of a schema in a few words. */
function typeName(schema) {
  const named = refName(schema);
  const full = resolve(schema);
  if (full === true || full === undefined) return "any";
  if (full.const !== undefined) return JSON.stringify(full.const);
  if (full.enum) return few(full) ? full.enum.map((value) => JSON.stringify(value)).join(" | ") : "one of";
  const union = full.anyOf ?? full.oneOf;
  if (union && !full.properties) {
    const names = [...new Set(union.map((one) => refName(one) ?? typeName(one)))];
    return names.length > 4 ? `one of ${names.length} forms` : names.join(" | ");
  }
  const types = [full.type ?? (full.properties ? "object" : "any")].flat();
  return types
    .map((type) => {
      if (type === "array") return `array of ${full.items ? typeName(full.items) : "any"}`;
      if (type === "object") return named ?? "object";
      return full.format && type === "string" ? `${type} (${full.format})` : type;
    })
    .join(" | ");
}

/** What holds for all texts needs not be said of each. */
const NO_NUL = "^[^\\u0000]*$";

/** Choices that fit on the line. */
const few = (schema) => schema.enum.length <= 4 && JSON.stringify(schema.enum).length < 60;

/** What else a schema demands, as short texts. */
function rules(schema) {
  const full = resolve(schema);
  const found = [];
  const say = (keyword, text) => full[keyword] !== undefined && found.push(text(full[keyword]));
  if (full.enum && !few(full)) found.push(full.enum.map((value) => JSON.stringify(value)).join(", "));
  if (near(full.minimum)) found.push(`≥ ${full.minimum}`);
  if (near(full.maximum)) found.push(`≤ ${full.maximum}`);
  say("exclusiveMinimum", (value) => `> ${value}`);
  say("exclusiveMaximum", (value) => `< ${value}`);
  say("multipleOf", (value) => `multiple of ${value}`);
  say("minLength", (value) => `at least ${value} ${value === 1 ? "character" : "characters"}`);
  say("maxLength", (value) => `at most ${value} characters`);
  say("minItems", (value) => `at least ${value} ${value === 1 ? "item" : "items"}`);
  say("maxItems", (value) => `at most ${value} items`);
  say("minProperties", (value) => `at least ${value} ${value === 1 ? "member" : "members"}`);
  if (full.pattern && full.pattern !== NO_NUL) found.push(`matches ${full.pattern}`);
  say("default", (value) => `default ${JSON.stringify(value)}`);
  return found;
}

const MARKS = [
  ["x-unique", "unique"],
  ["x-private", "private"],
  ["readOnly", "set by the server"],
  ["deprecated", "deprecated"],
];

/** Small labels beside a name. */
function marks(schema, required) {
  const full = resolve(schema);
  const labels = MARKS.filter(([keyword]) => full[keyword] === true).map(([, label]) => label);
  if (required) labels.unshift("required");
  if (typeof full["x-model"] === "string") labels.push(`refers to ${full["x-model"]}`);
  if (typeof full["x-generated"] === "string") labels.push(`generated: ${full["x-generated"]}`);
  return labels.map((label) => el("span", { class: `mark mark-${label.split(" ")[0].replace(":", "")}` }, label));
}

/** What can be seen inside a schema: its members, or those of its items or forms. */
function inside(schema) {
  const full = resolve(schema);
  if (!full || typeof full !== "object") return [];
  const parts = [...(full.allOf ?? []).map(resolve), full];
  const required = new Set(parts.flatMap((part) => part.required ?? []));
  const properties = Object.assign({}, ...parts.map((part) => part.properties ?? {}));
  const members = Object.entries(properties).map(([name, value]) => [name, value, required.has(name)]);
  for (const [pattern, value] of Object.entries(full.patternProperties ?? {})) members.push([`/${pattern}/`, value, false]);
  if (members.length) return members;
  if (full.items && typeof full.items === "object") return inside(full.items);
  if (full.additionalProperties && typeof full.additionalProperties === "object") {
    return [["(any name)", full.additionalProperties, false]];
  }
  const forms = (full.anyOf ?? full.oneOf ?? []).filter((one) => inside(one).length > 0);
  if (forms.length === 1) return inside(forms[0]);
  return forms.map((one) => [resolve(one).title ?? refName(one) ?? typeName(one), one, false]);
}

/** One line of the tree; it unfolds if there is something inside. */
function schemaRow([name, schema, required]) {
  const full = resolve(schema);
  const line = [
    el("span", { class: "prop" }, name),
    el("span", { class: "type" }, typeName(schema)),
    ...marks(schema, required),
  ];
  const demands = rules(schema);
  const more = [
    full.description ? el("div", { class: "prop-text" }, words(full.description)) : null,
    demands.length ? el("div", { class: "rules" }, demands.map((rule) => el("span", {}, rule))) : null,
  ];
  const members = inside(schema);
  if (members.length === 0) return el("li", {}, el("div", { class: "row" }, ...line), ...more);
  const fold = el("details", {}, el("summary", { class: "row" }, ...line), ...more);
  fold.addEventListener("toggle", () => fold.open && fold.append(tree(members)), { once: true });
  return el("li", {}, fold);
}

function tree(members) {
  return el("ul", { class: "tree" }, members.map(schemaRow));
}

/** A schema with its name, to look into. */
function schemaView(schema) {
  const members = inside(schema);
  const full = resolve(schema);
  const head = el("div", { class: "schema-name" }, el("span", { class: "type" }, refName(schema) ?? typeName(schema)));
  if (members.length === 0) return el("div", { class: "schema" }, head, ...rules(full).map((rule) => el("span", { class: "rules" }, rule)));
  return el("div", { class: "schema" }, head, tree(members));
}

/** A value that a schema might accept, to begin with. */
function sample(schema, depth = 0) {
  const full = resolve(schema);
  if (!full || typeof full !== "object" || depth > 6) return null;
  for (const given of [full.example, full.examples?.[0], full.const, full.default, full.enum?.[0]]) {
    if (given !== undefined && given !== null) return given;
  }
  const form = (full.anyOf ?? full.oneOf)?.find((one) => resolve(one)?.type !== "null");
  if (form && !full.properties) return sample(form, depth + 1);
  const type = [full.type].flat().find((one) => one !== "null");
  if (type === "object" || full.properties) {
    const needed = new Set(full.required ?? []);
    const names = Object.keys(full.properties ?? {}).filter((name) => needed.has(name));
    return Object.fromEntries(names.map((name) => [name, sample(full.properties[name], depth + 1)]));
  }
  if (type === "array") return full.minItems ? [sample(full.items, depth + 1)] : [];
  if (type === "integer" || type === "number") return Math.max(1, near(full.minimum) ? full.minimum : 1);
  if (type === "boolean") return true;
  if (type === "string") return { email: "ada@example.com", "date-time": "2026-01-31T12:00:00Z" }[full.format] ?? "";
  return null;
}

function near(number) {
  return typeof number === "number" && Math.abs(number) < 9e15;
}

