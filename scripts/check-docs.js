/**
 * Fails when an exported symbol, or a member of an exported interface or class, has no documentation
 * comment. Looks at the sources of all packages, tests excluded.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** @type {string[]} */
const missing = [];
let checked = 0;

/**
 * All sources below a folder.
 * @param {string} folder
 * @returns {string[]}
 */
function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".test.ts") ? [path] : [];
  });
}

/**
 * Checks one file.
 * @param {string} file
 */
function check(file) {
  const text = readFileSync(file, "utf8");
  const { program, comments, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const ends = comments
    .filter((comment) => comment.type === "Block" && comment.value.startsWith("*"))
    .map((comment) => comment.end);

  /** Whether a documentation comment ends right before a position. @param {number} start */
  const documented = (start) =>
    ends.some((end) => end <= start && text.slice(end, start).trim() === "");
  /** @param {number} start @param {string} name */
  const demand = (start, name) => {
    checked++;
    if (documented(start)) return;
    const line = text.slice(0, start).split("\n").length;
    missing.push(`${relative(root, file)}:${line}: ${name} has no documentation comment`);
  };
  /** @param {any} key */
  const keyName = (key) => key?.name ?? key?.value ?? "[computed]";
  const isPublic = (/** @type {any} */ member) =>
    member.accessibility !== "private" &&
    member.key?.type !== "PrivateIdentifier" &&
    member.type !== "StaticBlock";

  // Overloads share the comment of the first.
  let overloaded = "";
  for (const statement of program.body) {
    if (statement.type !== "ExportNamedDeclaration" || !statement.declaration) continue;
    /** @type {any} */
    const declaration = statement.declaration;
    const name = declaration.id?.name ?? keyName(declaration.declarations?.[0]?.id);
    if (name !== overloaded) demand(statement.start, name);
    overloaded = declaration.type === "TSDeclareFunction" ? name : "";
    let members = [];
    if (declaration.type === "TSInterfaceDeclaration") members = declaration.body.body;
    if (declaration.type === "ClassDeclaration") members = declaration.body.body.filter(isPublic);
    const constructors = members.filter((/** @type {any} */ m) => m.kind === "constructor");
    for (const member of members) {
      // A constructor without parameters has nothing to tell.
      if (constructors.includes(member) && member.value.params.length === 0) continue;
      demand(member.start, `${name}.${keyName(member.key)}`);
    }
  }
}

for (const place of ["packages", "apps"]) {
  for (const name of readdirSync(join(root, place))) {
    for (const file of sources(join(root, place, name, "src"))) check(file);
  }
}
for (const line of missing) console.error(line);
console.log(`docs: ${checked} symbols checked, ${missing.length} without a documentation comment`);
process.exit(missing.length > 0 ? 1 : 0);
