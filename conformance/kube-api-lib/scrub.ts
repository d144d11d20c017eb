/** Takes out of an answer what no two servers share: times, uids, versions, addresses, drawn names, signatures. */

const REPLACED: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uid>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} [A-Z]+( m=\S+)?/g, '<time>'],
  [/(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, '<time>'],
  [/eyJ[\w-]+\.[\w-]+\.[\w-]*/g, '<jwt>'],
  [/\bX509SHA256=[0-9a-f]+/g, 'X509SHA256=<hash>'],
  [/127\.0\.0\.1:\d+/g, '<server>'],
  [/\b10\.96\.\d+\.\d+\b/g, '<ip>'],
  [/\bfd00:10:96::[0-9a-f:]+/g, '<ip6>'],
  [/(?<=[:\s/])3[0-2]\d{3}\b(?=\/)/g, '<nodePort>'],
  // The alphabet of drawn names has no vowels.
  [/-(?=[a-z]*\d|\b[bcdfghjklmnpqrstvwxz2-9]{5}\b)[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '-<suffix>'],
  [
    /in the precondition \(\d+\) does not match the ResourceVersion in record \(\d+\)/g,
    'in the precondition (<rv>) does not match the ResourceVersion in record (<rv>)',
  ],
  [/too old resource version: \d+ \(\d+\)/g, 'too old resource version: <rv> (<rv>)'],
  [/Too large resource version: \d+, current: \d+/g, 'Too large resource version: <rv>, current: <rv>'],
  [/\/tmp\/[\w./-]+/g, '<file>'],
  [/(resourceVersion: ")\d+"/g, '$1<rv>"'],
  // Go writes the fields of an object in another order than they came in.
  [/Invalid value: "\{\\"apiVersion\\".*\}": /g, 'Invalid value: <object>: '],
  [/("resourceVersion": ?")\d+"/g, '$1<rv>"'],
  [/Resource Version: +\d+/g, 'Resource Version: <rv>'],
];

/** Numbers and names drawn by the server, by the field that holds them. */
const DRAWN: Readonly<Record<string, (value: unknown) => boolean>> = {
  resourceVersion: (value) => typeof value === 'string' && /^\d+$/.test(value) && value !== '0',
  nodePort: (value) => typeof value === 'number' && value >= 30000,
  healthCheckNodePort: (value) => typeof value === 'number',
  continue: (value) => typeof value === 'string' && value !== '',
  hash: (value) => typeof value === 'string',
};

export function scrubText(text: string): string {
  return REPLACED.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);
}

/** What kubectl prints: ages and the width of columns are not looked at. */
export function scrubOutput(text: string): string {
  if (/^[{[]/.test(text)) {
    try {
      return `${JSON.stringify(scrub(JSON.parse(text)))}${text.endsWith('\n') ? '\n' : ''}`;
    } catch {
      // text after all
    }
  }
  return scrubText(text)
    .replace(/^DESCRIPTION:\n[\s\S]*?(?=^FIELDS:|(?![\s\S]))/m, '')
    .replace(/\b(\d+d)?(\d+h)?(\d+m)?\d+(\.\d+)?(s|ms)\b/g, '<age>')
    .replace(/[ \t]+/g, ' ')
    .replace(/ $/gm, '');
}

export function scrub(value: unknown): unknown {
  if (typeof value === 'string') return /^\d+[smh]$/.test(value) ? '<age>' : scrubText(value);
  if (Array.isArray(value)) return value.map(scrub);
  if (typeof value !== 'object' || value === null) return value;
  // The schema table carries no prose: columns are compared without their descriptions.
  const isColumn = 'description' in value && 'priority' in value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !(isColumn && key === 'description'))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [
        scrubText(key),
        DRAWN[key]?.(item) === true ? `<${key}>` : scrub(key === 'managedFields' ? timeless(item) : item),
      ]),
  );
}

/** Managers stand in the order of their times, which differ from run to run when a second ends between two requests. */
function timeless(entries: unknown): unknown {
  if (!Array.isArray(entries)) return entries;
  const rank = ({ operation, time, manager, apiVersion, subresource }: Record<string, unknown>) =>
    JSON.stringify([operation, time !== undefined, manager, apiVersion, subresource]);
  return entries.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
