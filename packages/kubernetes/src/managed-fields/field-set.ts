import { elementsOf, isNamedField, isStruct, type Shape } from './shape.ts';

/** A set of paths as a tree. `isMember` is about the node itself, `children` are named as in FieldsV1 (`f:`, `k:`, `v:`). */
export interface FieldSet {
  readonly isMember: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

type Children = ReadonlyMap<string, FieldSet>;
const NONE: Children = new Map();
export const EMPTY: FieldSet = { isMember: false, children: NONE };
const MEMBER: FieldSet = { isMember: true, children: NONE };

export function isEmpty(set: FieldSet | undefined): boolean {
  return set === undefined || (!set.isMember && set.children.size === 0);
}

function node(isMember: boolean, children: Map<string, FieldSet>): FieldSet {
  for (const [key, child] of children) if (isEmpty(child)) children.delete(key);
  return children.size === 0 ? (isMember ? MEMBER : EMPTY) : { isMember, children };
}

type Combine = (a: boolean, b: boolean) => boolean;

function combine(a: FieldSet, b: FieldSet, decide: Combine): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const key of new Set([...a.children.keys(), ...b.children.keys()])) {
    children.set(key, combine(a.children.get(key) ?? EMPTY, b.children.get(key) ?? EMPTY, decide));
  }
  return node(decide(a.isMember, b.isMember), children);
}

export const union = (a: FieldSet, b: FieldSet): FieldSet => (isEmpty(a) ? b : isEmpty(b) ? a : combine(a, b, (x, y) => x || y));
export const intersection = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (x, y) => x && y);
export const difference = (a: FieldSet, b: FieldSet): FieldSet => (isEmpty(b) ? a : combine(a, b, (x, y) => x && !y));

/** Keeps what `keeps` says of the first two path elements; the second is empty for the first itself. */
export function filterTop(set: FieldSet, keeps: (first: string, second: string) => boolean): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [first, child] of set.children) {
    const inner = new Map([...child.children].filter(([second]) => keeps(first, second)));
    children.set(first, node(child.isMember && keeps(first, ''), inner));
  }
  return node(false, children);
}

/** The paths an applied configuration speaks of (structured-merge-diff `ToFieldSet`). */
export function fieldsOf(shape: Shape, value: unknown): FieldSet {
  return node(false, childrenOf(shape, value));
}

function childrenOf(shape: Shape, value: unknown): Map<string, FieldSet> {
  const children = new Map<string, FieldSet>();
  for (const [key, child, inner] of elementsOf(shape, value) ?? []) {
    const parts = elementsOf(child, inner);
    // An empty map is said to be empty; an empty list of single elements says nothing.
    const isWhole = parts === undefined || (parts.length === 0 && isStruct(inner));
    children.set(key, node(isWhole || !isNamedField(shape, key), childrenOf(child, inner)));
  }
  return children;
}

/** FieldsV1, with children in the order of their names. */
export function renderFields(set: FieldSet): Record<string, unknown> {
  const entries = [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([key, child]) => {
      const inner = renderFields(child);
      return [key, child.isMember && child.children.size > 0 ? { '.': {}, ...inner } : inner];
    }),
  );
}

/** @returns undefined when it is no FieldsV1 */
export function parseFields(value: unknown, depth = 0): FieldSet | undefined {
  if (!isStruct(value) || depth > MAX_DEPTH) return undefined;
  const children = new Map<string, FieldSet>();
  for (const [key, inner] of Object.entries(value)) {
    if (key === '.') continue;
    if (!/^[fkvi]:/.test(key)) return undefined;
    const child = parseFields(inner, depth + 1);
    if (child === undefined) return undefined;
    children.set(key, child.children.size === 0 || (isStruct(inner) && Object.hasOwn(inner, '.')) ? { ...child, isMember: true } : child);
  }
  return { isMember: false, children };
}

const MAX_DEPTH = 200;

/** Every path as people read it: `.spec.containers[name="c"].image`. */
export function renderPaths(set: FieldSet, prefix = ''): string[] {
  const children = [...set.children]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, child]) => [prefix + renderElement(key), child] as const);
  // The members of a level come before what is below them.
  return [
    ...children.filter(([, child]) => child.isMember).map(([path]) => path),
    ...children.flatMap(([path, child]) => renderPaths(child, path)),
  ];
}

/** One element of a path, from its name in FieldsV1. */
export function renderElement(key: string): string {
  const text = key.slice(2);
  if (key.startsWith('f:')) return `.${text}`;
  if (key.startsWith('v:')) return `[=${text}]`;
  if (key.startsWith('i:')) return `[${text}]`;
  const keys = Object.entries(JSON.parse(text) as Record<string, unknown>);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}
