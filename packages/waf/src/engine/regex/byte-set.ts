/** A set of byte values, held as 256 bits. Immutable by convention; most equal sets are one object. */
export type ByteSet = Uint32Array & { readonly length: 8 };

/** A rule set has some hundreds; patterns that requests fill in (`@rx %{…}`) may bring any number. */
const MAX_INTERNED = 10_000;
const interned = new Map<number, ByteSet[]>();

/** The shared instance of this set, so that literals cost no memory. What is known of sets is found by instance. */
function internSet(set: ByteSet): ByteSet {
  let hash = 0;
  for (let i = 0; i < 8; i++) hash = (Math.imul(hash, 31) + set[i]!) | 0;
  const bucket = interned.get(hash);
  const known = bucket?.find((other) => isSame(other, set));
  if (known) return known;
  if (bucket) bucket.push(set);
  else {
    if (interned.size >= MAX_INTERNED) interned.clear();
    interned.set(hash, [set]);
  }
  return set;
}

function isSame(a: ByteSet, b: ByteSet): boolean {
  for (let i = 0; i < 8; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function has(set: ByteSet, byte: number): boolean {
  return ((set[byte >> 5]! >>> (byte & 31)) & 1) === 1;
}

/** Puts a set together in place: only what it comes to is looked up among the shared ones. */
export class ByteSetBuilder {
  readonly #words = new Uint32Array(8) as ByteSet;

  add(byte: number): void {
    this.#words[byte >> 5]! |= 1 << (byte & 31);
  }

  /** Inclusive. */
  addRange(low: number, high: number): void {
    for (let byte = low; byte <= high; byte++) this.add(byte);
  }

  addAll(set: ByteSet): void {
    for (let i = 0; i < 8; i++) this.#words[i]! |= set[i]!;
  }

  /** Add the other ASCII case of every letter: PCRE's caseless matching in the C locale touches ASCII only. */
  foldCase(): void {
    // The letters are bits 1 to 26 of two words.
    const letters = (this.#words[2]! | this.#words[3]!) & 0x07ff_fffe;
    this.#words[2]! |= letters;
    this.#words[3]! |= letters;
  }

  complement(): void {
    for (let i = 0; i < 8; i++) this.#words[i] = ~this.#words[i]!;
  }

  /** The set; the builder is spent. */
  finish(): ByteSet {
    return internSet(this.#words);
  }
}

const singles: (ByteSet | undefined)[] = [];

/** The set of one byte. */
export function single(byte: number): ByteSet {
  singles[byte] ??= setOf(byte);
  return singles[byte];
}

export function setOf(...bytes: number[]): ByteSet {
  const set = new ByteSetBuilder();
  for (const byte of bytes) set.add(byte);
  return set.finish();
}

/** Inclusive ranges: `rangeSet([0x30, 0x39])`. */
export function rangeSet(...ranges: readonly (readonly [number, number])[]): ByteSet {
  const set = new ByteSetBuilder();
  for (const [low, high] of ranges) set.addRange(low, high);
  return set.finish();
}

export function complement(a: ByteSet): ByteSet {
  const set = new ByteSetBuilder();
  set.addAll(a);
  set.complement();
  return set.finish();
}

export function foldCase(a: ByteSet): ByteSet {
  const set = new ByteSetBuilder();
  set.addAll(a);
  set.foldCase();
  return set.finish();
}

export function members(set: ByteSet): number[] {
  const bytes: number[] = [];
  for (let byte = 0; byte < 256; byte++) if (has(set, byte)) bytes.push(byte);
  return bytes;
}

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
