/** From a logged block to the narrowest exclusion that would have let the request pass. */

interface LoggedMatch {
  readonly id: number;
  readonly variable: string;
}

export interface Exclusion {
  readonly text: string;
  /** Rules that can not be narrowed to a variable. */
  readonly unexplained: readonly number[];
}

/** Rules that only add up what others found (Core Rule Set 901, 949, 959, 980): excluding them switches everything off. */
const isBookkeeping = (id: number): boolean => /^9(?:01|49|59|80)\d{3}$/.test(String(id));

/**
 * @param line one entry of the JSON audit log, ModSecurity's or ours
 * @param newId id of the rule that is proposed
 * @throws Error when the line is no such entry or names no rule that may be excluded
 */
export function proposeExclusion(line: string, newId: number): Exclusion {
  const entry = parseEntry(line);
  const messages: string[] = (entry.audit_data?.messages ?? []).map(String);
  const matches = messages.flatMap(readMessage).filter(({ id }) => !isBookkeeping(id));
  if (matches.length === 0) throw new Error('This entry names no rule that matched: nothing to exclude');
  const [method, uri = '/'] = String(entry.request?.request_line ?? '').split(' ');
  const path = uri.split('?')[0]!;
  const narrow = new Map(matches.filter(({ variable }) => canExclude(variable)).map((match) => [`${match.id};${match.variable}`, match]));
  const unexplained = [...new Set(matches.filter(({ variable }) => !canExclude(variable)).map(({ id }) => id))];
  if (narrow.size === 0)
    throw new Error(
      `Rules ${unexplained.join(', ')} matched the request as a whole: no single variable can be excluded; see docs/guides/waf-tuning.md`,
    );
  if (!/^[\x21-\x7e]+$/.test(path) || /["'\\,%]/.test(path))
    throw new Error(`The path "${path.slice(0, 100)}" holds characters that cannot stand in a rule: write the exclusion by hand`);
  const controls = [...narrow.values()].map(({ id, variable }) => `    ctl:ruleRemoveTargetById=${id};${variable}`);
  const text = [
    `# ${method ?? 'any method'} ${path}: ${[...narrow.values()].map(({ id, variable }) => `${id} at ${variable}`).join(', ')}`,
    '# Must be loaded before the Core Rule Set: phase 1 runs ahead of the rules it names.',
    `SecRule REQUEST_FILENAME "@streq ${path}" \\`,
    `    "id:${newId},phase:1,t:none,nolog,pass,\\`,
    `${controls.join(',\\\n')}"`,
    '',
  ].join('\n');
  return { text, unexplained };
}

/** Only what one member of a collection holds, and only names that need no quoting. */
function canExclude(variable: string): boolean {
  return /^(?:ARGS|ARGS_GET|ARGS_POST|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS|FILES|XML):[\w.$@[\]-]{1,128}$/.test(variable);
}

function readMessage(message: string): LoggedMatch[] {
  const id = / \[id "(\d+)"\]/.exec(message)?.[1];
  // What the rule says of itself comes before the first detail; details are escaped.
  const head = message.slice(0, message.search(/ \[(?:file|line|id) "/) >>> 0);
  const variable = / at ([A-Z_]+(?::[^\s]+)?)\.$/.exec(head)?.[1];
  return id === undefined ? [] : [{ id: Number(id), variable: variable ?? '' }];
}

// biome-ignore lint/suspicious/noExplicitAny: a line of somebody else's JSON; each use is converted
function parseEntry(line: string): any {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === 'object' && entry !== null && 'audit_data' in entry) return entry;
  } catch {
    // Said below, for both.
  }
  throw new Error(`Cannot read "${line.slice(0, 60)}": wanted one line of a JSON audit log (MODSEC_AUDIT_LOG_FORMAT=JSON)`);
}
