import type { DifferentialRequest } from './differential-requests.ts';

export type PeerName = 'libmodsecurity' | 'apache';

interface Difference {
  readonly onlyOurs: readonly number[];
  readonly onlyTheirs: readonly number[];
}

interface KnownDifference {
  readonly peer: PeerName;
  readonly reason: string;
  readonly right: 'ours' | 'theirs' | 'open';
  explains(request: DifferentialRequest, difference: Difference): boolean;
}

/** Some of these ids, and none else, on our side. */
const ours = ({ onlyOurs, onlyTheirs }: Difference, ...ids: number[]): boolean =>
  onlyTheirs.length === 0 && onlyOurs.every((id) => ids.includes(id));

/** What a request says, URL escapes of a few bytes undone. */
const textOf = ({ uri, headers, body }: DifferentialRequest): string =>
  [uri, ...headers.flat(), body].join('\n').replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));

export const knownDifferences: readonly KnownDifference[] = [
  {
    peer: 'libmodsecurity',
    reason:
      'libinjection: "1e" without an exponent is a word to 3.10.0 (its own cases, and ours), a number to the library in the wheel, which misses "x=1e union select"',
    right: 'ours',
    explains: (request, difference) => ours(difference, 942_100) && /\de(?![+-]?\d)/i.test(textOf(request).replaceAll('+', ' ')),
  },
  {
    peer: 'apache',
    reason:
      'ModSecurity 2.9.7 answers 500 itself to a body that its processor cannot read, before phase 2; the Reference Manual leaves it to rules over REQBODY_ERROR',
    right: 'ours',
    // The application answers 200 to everything.
    explains: (_, { onlyTheirs }) => onlyTheirs.includes(950_100) && onlyTheirs.every((id) => [950_100, 959_100, 980_140].includes(id)),
  },
  {
    peer: 'apache',
    reason: 'httpd takes "/../" and "/./" out of the path before the rules see it',
    right: 'ours',
    explains: ({ uri }, difference) => /\/\.\.?(?:\/|$)/.test(uri.split('?')[0]!) && ours(difference, 930_100, 930_110, 949_110, 980_130),
  },
  {
    peer: 'apache',
    reason: 'httpd refuses a path with a broken escape (400) before any rule runs',
    right: 'open',
    explains: ({ uri }, { onlyTheirs }) => onlyTheirs.length === 0 && /%(?![0-9a-f]{2})/i.test(uri.split('?')[0]!),
  },
];

/** @returns the reason when the whole difference is known */
export function explain(peer: PeerName, request: DifferentialRequest, difference: Difference): string | undefined {
  const known = knownDifferences.find((candidate) => candidate.peer === peer && candidate.explains(request, difference));
  return known && `${known.right} right: ${known.reason}`;
}
