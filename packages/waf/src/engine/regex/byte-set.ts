/** A set of byte values, held as 256 bits. Immutable by convention; most equal sets are shared through `internSet`. */
export type ByteSet = Uint32Array & { readonly length: 8 };

/** A rule set has some hundreds; patterns that requests fill in (`@rx %{…}`) may bring any number. */
const MAX_INTERNED = 10_000;
const interned = new Map<number, ByteSet[]>();

function newSet(): ByteSet {
  return new Uint32Array(8) as ByteSet;
}

/** Return the shared instance of this set, so that literals cost no memory. What is known of sets is found by instance. */
export function internSet(set: ByteSet): ByteSet {
  let hash = 0;
  for (const word of set) hash = (Math.imul(hash, 31) + word) | 0;
  const bucket = interned.get(hash);
  if (!bucket) {
    if (interned.size >= MAX_INTERNED) interned.clear();
    interned.set(hash, [set]);
    return set;
  }
  const known = bucket.find((other) => isSame(other, set));
  if (known) return known;
  bucket.push(set);
  return set;
}

function isSame(a: ByteSet, b: ByteSet): boolean {
  for (let i = 0; i < 8; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function has(set: ByteSet, byte: number): boolean {
  return ((set[byte >> 5]! >>> (byte & 31)) & 1) === 1;
}

const singles: (ByteSet | undefined)[] = [];

export function setOf(...bytes: number[]): ByteSet {
  if (bytes.length === 1) {
    const known = singles[bytes[0]!];
    if (known) return known;
  }
  const set = newSet();
  for (const byte of bytes) set[byte >> 5]! |= 1 << (byte & 31);
  const shared = internSet(set);
  if (bytes.length === 1) singles[bytes[0]!] = shared;
  return shared;
}

/** Inclusive ranges: `rangeSet([0x30, 0x39])`. */
export function rangeSet(...ranges: readonly (readonly [number, number])[]): ByteSet {
  const set = newSet();
  for (const [low, high] of ranges) for (let byte = low; byte <= high; byte++) set[byte >> 5]! |= 1 << (byte & 31);
  return internSet(set);
}

export function union(a: ByteSet, b: ByteSet): ByteSet {
  return internSet(a.map((word, i) => word | b[i]!) as ByteSet);
}

/** Results by operands: alphabets meet the same few sets of a rule set thousands of times. */
const intersections = new WeakMap<ByteSet, WeakMap<ByteSet, ByteSet>>();

export function intersect(a: ByteSet, b: ByteSet): ByteSet {
  let known = intersections.get(b);
  if (!known) {
    known = new WeakMap();
    intersections.set(b, known);
  }
  let set = known.get(a);
  if (!set) {
    set = internSet(a.map((word, i) => word & b[i]!) as ByteSet);
    known.set(a, set);
  }
  return set;
}

export function complement(a: ByteSet): ByteSet {
  return internSet(a.map((word) => ~word) as ByteSet);
}

export function isEmptySet(a: ByteSet): boolean {
  return a.every((word) => word === 0);
}

export function members(set: ByteSet): number[] {
  const bytes: number[] = [];
  for (let byte = 0; byte < 256; byte++) if (has(set, byte)) bytes.push(byte);
  return bytes;
}

/** Add the other ASCII case of every letter: PCRE's caseless matching in the C locale touches ASCII only. */
export function foldCase(set: ByteSet): ByteSet {
  const known = foldings.get(set);
  if (known) return known;
  const folded = set.slice() as ByteSet;
  for (let upper = 0x41; upper <= 0x5a; upper++) {
    const lower = upper + 32;
    if (has(set, upper)) folded[lower >> 5]! |= 1 << (lower & 31);
    if (has(set, lower)) folded[upper >> 5]! |= 1 << (upper & 31);
  }
  const shared = internSet(folded);
  foldings.set(set, shared);
  return shared;
}

const foldings = new WeakMap<ByteSet, ByteSet>();

export const allBytes: ByteSet = rangeSet([0, 255]);
export const newline: ByteSet = setOf(0x0a);
export const digits: ByteSet = rangeSet([0x30, 0x39]);
export const wordBytes: ByteSet = rangeSet([0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]);
/** PCRE's `\s`: tab, LF, VT, FF, CR, space. */
export const pcreSpace: ByteSet = rangeSet([0x09, 0x0d], [0x20, 0x20]);
/** RE2's `\s` has no VT. */
export const re2Space: ByteSet = rangeSet([0x09, 0x0a], [0x0c, 0x0d], [0x20, 0x20]);
export const horizontalSpace: ByteSet = setOf(0x09, 0x20, 0xa0);
export const verticalSpace: ByteSet = rangeSet([0x0a, 0x0d], [0x85, 0x85]);

/** POSIX classes in the C locale. */
export const posixClasses: ReadonlyMap<string, ByteSet> = new Map([
  ['alnum', rangeSet([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a])],
  ['alpha', rangeSet([0x41, 0x5a], [0x61, 0x7a])],
  ['ascii', rangeSet([0, 0x7f])],
  ['blank', setOf(0x09, 0x20)],
  ['cntrl', rangeSet([0, 0x1f], [0x7f, 0x7f])],
  ['digit', digits],
  ['graph', rangeSet([0x21, 0x7e])],
  ['lower', rangeSet([0x61, 0x7a])],
  ['print', rangeSet([0x20, 0x7e])],
  ['punct', rangeSet([0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e])],
  ['space', pcreSpace],
  ['upper', rangeSet([0x41, 0x5a])],
  ['word', wordBytes],
  ['xdigit', rangeSet([0x30, 0x39], [0x41, 0x46], [0x61, 0x66])],
]);
