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

/** Rules that add up what others found. */
const scores: readonly number[] = [949_110, 980_130];

/** Some of these ids, and none else, on our side. */
const ours = ({ onlyOurs, onlyTheirs }: Difference, ...ids: number[]): boolean =>
  onlyTheirs.length === 0 && onlyOurs.every((id) => ids.includes(id));

const theirs = ({ onlyOurs, onlyTheirs }: Difference, ...ids: number[]): boolean =>
  onlyOurs.length === 0 && onlyTheirs.every((id) => ids.includes(id));

function boundaryOf({ headers }: DifferentialRequest): string | undefined {
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  return /^multipart\/form-data;\s*boundary=(\S+)$/i.exec(type)?.[1];
}

const isFinished = (request: DifferentialRequest): boolean =>
  /^(?:\r?\n)?$/.test(request.body.split(`--${boundaryOf(request)}--`)[1] ?? 'x');

/** Contents of the parts of a form. */
function fieldsOf(request: DifferentialRequest): string[] {
  const boundary = boundaryOf(request);
  if (boundary === undefined) return [];
  const parts = request.body.split(`--${boundary}`).slice(1);
  return parts.map((part) => (/\n\r?\n([\s\S]*)$/.exec(part)?.[1] ?? '').replace(/\r?\n$/, ''));
}

/** What a request says, URL escapes of a few bytes undone. */
const textOf = ({ uri, headers, body }: DifferentialRequest): string =>
  [uri, ...headers.flat(), body].join('\n').replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));

export const knownDifferences: readonly KnownDifference[] = [
  {
    peer: 'libmodsecurity',
    reason:
      'libinjection: "1e" without an exponent is a word to 3.10.0 (its own cases, and ours), a number to the library in the wheel, which misses "x=1e union select"',
    right: 'ours',
    explains: (request, difference) => ours(difference, 942_100) && /\d\.?e(?![+-]?\d)/i.test(textOf(request).replaceAll('+', ' ')),
  },
  {
    peer: 'libmodsecurity',
    reason:
      'TX:2 is compared before it is set anew: "1 is not 1" is no tautology to test 942131-5, an override of libmodsecurity in the suite',
    right: 'ours',
    explains: (_, difference) => theirs(difference, 942_131),
  },
  {
    peer: 'libmodsecurity',
    reason: 'bytes outside ASCII in a cookie: tests 942420-3 and 941110-8 ask for these matches, libmodsecurity does not find them',
    right: 'ours',
    explains: ({ headers }, { onlyTheirs }) =>
      onlyTheirs.length === 0 && headers.some(([name, value]) => name.toLowerCase() === 'cookie' && /[\x80-\xff]/.test(value)),
  },
  {
    peer: 'libmodsecurity',
    reason: '@pmFromFile misses ".env", a phrase of the list, inside "secrets.env"',
    right: 'ours',
    explains: ({ uri }, difference) => ours(difference, 930_130) && uri.includes('secrets.env'),
  },
  {
    peer: 'libmodsecurity',
    reason: 'it loses the line ends inside a multipart field (request-body-parser-multipart-crlf-1 of its own suite asks for that)',
    right: 'ours',
    explains: (request) => fieldsOf(request).some((field) => field.includes('\n')),
  },
  {
    peer: 'libmodsecurity',
    reason: 'of a multipart body without its final boundary it keeps no field at all; here the rules see what came',
    right: 'ours',
    explains: (request, { onlyTheirs }) => onlyTheirs.length === 0 && boundaryOf(request) !== undefined && !isFinished(request),
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
    reason:
      'libinjection: "1.e" without an exponent ends a number to 3.10.0 (and here), the older one in 2.9.7 reads on and misses what follows',
    right: 'ours',
    explains: (request, difference) =>
      ours(difference, 942_100, ...scores) && /\d\.?e(?![+-]?\d)/i.test(textOf(request).replaceAll('+', ' ')),
  },
  {
    peer: 'apache',
    reason: 'httpd takes "/../" and "/./" out of the path before the rules see it',
    right: 'ours',
    explains: ({ uri }, difference) => /\/\.\.?(?:\/|$)/.test(uri.split('?')[0]!) && ours(difference, 930_100, 930_110, ...scores),
  },
  {
    peer: 'apache',
    reason: 'httpd refuses a path with a broken escape (400) before any rule runs',
    right: 'open',
    explains: ({ uri }, { onlyTheirs }) => onlyTheirs.length === 0 && /%(?![0-9a-f]{2})/i.test(uri.split('?')[0]!),
  },
  {
    peer: 'apache',
    reason: 'cmdLine of 2.9.7 cuts the value at a NUL, so that what follows is not looked at',
    right: 'ours',
    explains: (request, { onlyOurs, onlyTheirs }) =>
      onlyTheirs.length === 0 &&
      textOf(request).includes('\0') &&
      onlyOurs.every((id) => (id >= 932_000 && id < 933_000) || scores.includes(id)),
  },
  {
    peer: 'apache',
    reason: 'httpd undoes one more layer of escapes in the path ("%252e" becomes "."), which the application does not get',
    right: 'ours',
    explains: ({ uri }) => uri.split('?')[0]!.includes('%25'),
  },
];

/** @returns the reason when the whole difference is known */
export function explain(peer: PeerName, request: DifferentialRequest, difference: Difference): string | undefined {
  const known = knownDifferences.find((candidate) => candidate.peer === peer && candidate.explains(request, difference));
  return known && `${known.right} right: ${known.reason}`;
}
