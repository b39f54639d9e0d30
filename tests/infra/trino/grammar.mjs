// Reads a JSON list of SQL texts and writes, for each, the list of what Trino's grammar has against it.
import { existsSync, readFileSync, statSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

// The package is written for bundlers: its imports name folders, and files without their ending.
registerHooks({
  resolve(specifier, context, next) {
    if (!specifier.startsWith(".") || !context.parentURL) return next(specifier, context);
    const url = new URL(specifier, context.parentURL);
    const path = fileURLToPath(url);
    if (!existsSync(path)) return next(`${url.href}.js`, context);
    return next(statSync(path).isDirectory() ? `${url.href}/index.js` : specifier, context);
  },
});
const { TrinoSQL } = await import("dt-sql-parser");

const parser = new TrinoSQL();
const faults = (text) => parser.validate(text).map((each) => `${each.startLine}:${each.startColumn} ${each.message}`);
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(faults)));
