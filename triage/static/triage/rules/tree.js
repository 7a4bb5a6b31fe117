// Criteria as a tree that can be rearranged, and back to JSON. Nothing here touches the page.
//
// A node is {id, kind, parts} with kind all, any or not, or {id, kind: "test", fact, op, value}.
// "None of these" with several parts is stored as {"not": {"any": [...]}}, which is what it means.

let counter = 0;
const fresh = () => `n${++counter}`;

export const group = (kind, parts = []) => ({ id: fresh(), kind, parts });
export const test = (fact = "", op = "eq", value = undefined) => ({ id: fresh(), kind: "test", fact, op, value });
export const isGroup = (node) => node.kind !== "test";

/** The tree of stored criteria; the root is always a group. Throws on what is no criteria at all. */
export function read(json) {
  if (json === null || json === undefined) return { ...group("all"), bare: true };
  const node = readNode(json);
  return isGroup(node) ? node : { ...group("all", [node]), bare: true };
}

function readNode(json) {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error("not criteria");
  if ("fact" in json) return test(json.fact, json.op, json.value);
  if ("not" in json) {
    const inside = json.not;
    const several = Array.isArray(inside?.any) && inside.any.length > 1;
    return group("not", several ? inside.any.map(readNode) : [readNode(inside)]);
  }
  const kind = "all" in json ? "all" : "any";
  if (!Array.isArray(json[kind])) throw new Error("not criteria");
  return group(kind, json[kind].map(readNode));
}

/** Stored criteria of a tree; null when it is empty. */
export function write(root) {
  if (root.bare && root.parts.length === 0) return null;
  return root.bare && root.parts.length === 1 ? writeNode(root.parts[0]) : writeNode(root);
}

function writeNode(node) {
  if (node.kind === "test") {
    const plain = { fact: node.fact, op: node.op };
    return node.value === undefined ? plain : { ...plain, value: node.value };
  }
  const parts = node.parts.map(writeNode);
  if (node.kind !== "not") return { [node.kind]: parts };
  return { not: parts.length === 1 ? parts[0] : { any: parts } };
}

/** The place of every node, as the server names it: path -> id. */
export function places(root, name) {
  const found = new Map();
  const visit = (node, path) => {
    if (!isGroup(node)) return void found.set(path, node.id);
    if (node.kind === "not" && node.parts.length === 1) {
      found.set(path, node.id);
      return void visit(node.parts[0], `${path}.not`);
    }
    const inner = node.kind === "not" ? `${path}.not.any` : `${path}.${node.kind}`;
    found.set(path, node.id).set(inner, node.id);
    node.parts.forEach((part, i) => visit(part, `${inner}[${i}]`));
  };
  if (root.bare && root.parts.length === 1) visit(root.parts[0], name);
  else visit(root, name);
  return found;
}

/** The node that a server's path speaks of: the nearest one that holds it. */
export function nodeAt(placed, path) {
  let rest = path;
  while (rest && !placed.has(rest)) rest = rest.replace(/(\.[^.[\]]+|\[\d+\])$/, (end) => (end === rest ? rest : ""));
  return placed.get(rest) ?? [...placed.values()][0];
}

export function find(root, id, parent = null) {
  if (root.id === id) return { node: root, parent };
  for (const part of root.parts ?? []) {
    const found = find(part, id, root);
    if (found) return found;
  }
  return null;
}

export function factsOf(node) {
  if (!isGroup(node)) return node.fact ? [node.fact] : [];
  return [...new Set(node.parts.flatMap(factsOf))];
}

// --- Rearranging: each changes the tree in place and says in words what happened, or returns null. ---
export function move(root, id, by) {
  const { node, parent } = find(root, id);
  if (!parent) return null;
  const from = parent.parts.indexOf(node);
  const to = from + by;
  if (to < 0 || to >= parent.parts.length) return null;
  parent.parts.splice(from, 1);
  parent.parts.splice(to, 0, node);
  return `Moved ${by < 0 ? "up" : "down"}: now ${to + 1} of ${parent.parts.length}.`;
}

/** Into the group before it, or else the one after it. */
export function moveInto(root, id) {
  const { node, parent } = find(root, id);
  if (!parent) return null;
  const at = parent.parts.indexOf(node);
  const before = parent.parts[at - 1];
  const after = parent.parts[at + 1];
  const goal = before && isGroup(before) ? before : after && isGroup(after) ? after : null;
  if (!goal) return null;
  parent.parts.splice(at, 1);
  if (goal === before) goal.parts.push(node);
  else goal.parts.unshift(node);
  return "Moved into the group.";
}

export function moveOut(root, id) {
  const { node, parent } = find(root, id);
  const outer = parent && find(root, parent.id).parent;
  if (!outer) return null;
  parent.parts.splice(parent.parts.indexOf(node), 1);
  outer.parts.splice(outer.parts.indexOf(parent) + 1, 0, node);
  return "Moved out of the group.";
}

export function wrap(root, id) {
  const { node, parent } = find(root, id);
  if (!parent) return null;
  const around = group("any", [node]);
  parent.parts[parent.parts.indexOf(node)] = around;
  return { said: "Put into a group of its own.", id: around.id };
}

export function copy(root, id) {
  const { node, parent } = find(root, id);
  if (!parent) return null;
  const twin = renew(node);
  parent.parts.splice(parent.parts.indexOf(node) + 1, 0, twin);
  return { said: "Copied.", id: twin.id };
}

function renew(node) {
  const twin = structuredClone(node);
  const visit = (each) => {
    each.id = fresh();
    (each.parts ?? []).forEach(visit);
  };
  visit(twin);
  return twin;
}

export function remove(root, id) {
  const { node, parent } = find(root, id);
  if (!parent) return null;
  const at = parent.parts.indexOf(node);
  parent.parts.splice(at, 1);
  const next = parent.parts[at] ?? parent.parts[at - 1] ?? parent;
  return { said: "Removed. Undo brings it back.", id: next.id };
}

/** What is missing before the server needs to be asked: a sentence, or "". */
export function lacking(node, facts) {
  if (isGroup(node)) return node.parts.length ? "" : "This group is empty: add a condition, or remove it.";
  if (!node.fact) return "Choose what to look at.";
  if (!facts.has(node.fact) || node.op === "is_unknown") return "";
  if (Array.isArray(node.value) && node.value.length === 0) return "Choose at least one.";
  if (node.value === undefined || node.value === "") {
    return ["integer", "number"].includes(facts.get(node.fact).kind) ? "Give a number." : "Choose one.";
  }
  return "";
}
