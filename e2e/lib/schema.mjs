// Values for a JSON schema: most fit it, some are at its edges, some are not what it asks for.
const NUMBERS = [0, 1, -1, 2, 5, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1, -(2 ** 53), 1e308, 0.5, 18_446_744_073_709_551_615];
const TEXTS = [
  "", " ", "a", "0", "null", "..", "../../x", "/", "/nowhere/x", "a\u0000b", "\u202edrow", "é", "e\u0301", "𝕊", "\ud800", "a".repeat(64), "f".repeat(64), "0".repeat(128), "x".repeat(5_000), "%2e%2e%2f", "http://127.0.0.1:1/", "https://none.invalid/", "javascript:alert(1)",
  "peers", "web", "always", "1.0.0", "MIT", "' OR 1=1 --", "\n\r\t", "*", "{}", "hedge1qqqq", "AAAA", "QUJD", "\ufeff", "٣", "a/b", "a\\b",
];
const WRONG = [null, true, 0, -1, "", "x", [], {}, [[]], { a: { b: {} } }, 1e400];
/** One in so many is of another kind than the schema says. */
const WRONG_ONE_IN = 40;
/** How deep a value may nest. */
const DEEP = 6;

/** Random values of schemas whose `$ref`s are in `schemas`. `known(name)` answers values that were seen under that name, or none. */
export function maker(d, schemas, known) {
  return make;

  function make(schema, name = "", depth = 0) {
    if (depth > DEEP || d.below(WRONG_ONE_IN) === 0) return d.of(WRONG);
    if (typeof schema !== "object") return d.of(WRONG);
    if (schema.$ref) return make(schemas[schema.$ref.split("/").pop()], name, depth + 1);
    const choices = schema.oneOf ?? schema.anyOf;
    if (choices) return make(d.of(choices), name, depth + 1);
    if ("const" in schema) return schema.const;
    if (schema.enum) return d.of(schema.enum);
    switch (Array.isArray(schema.type) ? d.of(schema.type) : schema.type) {
      case "boolean": return d.often(0.5);
      case "integer":
      case "number": return number(schema, name);
      case "string": return text(name);
      case "array": return Array.from({ length: d.of([0, 1, 1, 2, 3, 40]) }, () => make(schema.items ?? {}, name, depth + 1));
      case "object": return object(schema, depth);
      case "null": return null;
      default: return d.of([null, 1, "a", [1, "b"], { a: 1 }]);
    }
  }

  function number(schema, name) {
    const seen = known(name).filter((value) => typeof value === "number");
    if (seen.length > 0 && d.often(0.6)) return d.of(seen);
    if (schema.maximum !== undefined && d.often(0.7)) return (schema.minimum ?? 0) + d.below(schema.maximum - (schema.minimum ?? 0) + 1);
    return d.often(0.5) ? d.below(50) : d.of(NUMBERS);
  }
  function text(name) {
    const seen = known(name).filter((value) => typeof value === "string");
    if (seen.length > 0 && d.often(0.75)) {
      const good = d.of(seen);
      if (good.length > 0 && d.often(0.1)) return good.slice(0, d.below(good.length)) + d.of(["", "x", "0", "\u0000"]) + good.slice(d.below(good.length));
      return good;
    }
    return d.of(TEXTS);
  }
  function object(schema, depth) {
    const out = {};
    for (const [key, inner] of Object.entries(schema.properties ?? {})) if (schema.required?.includes(key) ? !d.often(0.03) : d.often(0.5)) out[key] = make(inner, key, depth + 1);
    if (typeof schema.additionalProperties === "object") for (let i = d.below(3); i > 0; i--) out[text("key")] = make(schema.additionalProperties, "", depth + 1);
    if (d.often(0.03)) out[d.of(["__proto__", "x", "constructor", ""])] = 1;
    return out;
  }
}
