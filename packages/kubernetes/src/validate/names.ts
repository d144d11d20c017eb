/**
 * Syntax of names, labels and keys. Each function returns the complaints of the real server (apimachinery `util/validation`), in its
 * order and words; an empty list means valid.
 */

function regexError(what: string, regex: string, ...examples: string[]): string {
  const list = examples.map((e) => `'${e}'`).join(',  or ');
  return `${what} (e.g. ${list}, regex used for validation is '${regex}')`;
}

const tooLong = (max: number): string => `must be no more than ${max} bytes`;
const byteLength = (text: string): number => Buffer.byteLength(text);

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const dns1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelRegExp = new RegExp(`^${label}$`);
const subdomainRegExp = new RegExp(`^${subdomain}$`);
const dns1035RegExp = new RegExp(`^${dns1035}$`);
const qualifiedRegExp = new RegExp(`^${qualified}$`);
const labelValueRegExp = new RegExp(`^(${qualified})?$`);

const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const dns1035Text =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";

/** RFC 1123 label, at most 63 bytes. */
export function checkDns1123Label(value: string): string[] {
  const out = byteLength(value) > 63 ? [tooLong(63)] : [];
  if (labelRegExp.test(value)) return out;
  // A subdomain would have been valid elsewhere: the server says what exactly is wrong here.
  out.push(subdomainRegExp.test(value) ? 'must not contain dots' : regexError(labelText, label, 'my-name', '123-abc'));
  return out;
}

/** RFC 1123 subdomain, at most 253 bytes: the name of most objects. */
export function checkDns1123Subdomain(value: string): string[] {
  const out = byteLength(value) > 253 ? [tooLong(253)] : [];
  if (!subdomainRegExp.test(value)) out.push(regexError(subdomainText, subdomain, 'example.com'));
  return out;
}

/** RFC 1035 label, at most 63 bytes: the name of a Service. */
export function checkDns1035Label(value: string): string[] {
  const out = byteLength(value) > 63 ? [tooLong(63)] : [];
  if (!dns1035RegExp.test(value)) out.push(regexError(dns1035Text, dns1035, 'my-name', 'abc-123'));
  return out;
}

/** A subdomain whose first label may be `*`. */
export function checkWildcardSubdomain(value: string): string[] {
  const regex = `\\*\\.${subdomain}`;
  const out = byteLength(value) > 253 ? [tooLong(253)] : [];
  if (!new RegExp(`^${regex}$`).test(value)) {
    out.push(
      regexError(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        regex,
        '*.example.com',
      ),
    );
  }
  return out;
}

/** Name of a path segment (RBAC objects): anything that cannot change the path. */
export function checkPathSegment(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((c) => value.includes(c)).map((c) => `may not contain '${c}'`);
}

/** Optional subdomain prefix, slash, name of at most 63 bytes: keys of labels and annotations, resource names, finalizers. */
export function checkQualifiedName(value: string): string[] {
  const out: string[] = [];
  const parts = value.split('/');
  let name = parts[0]!;
  if (parts.length === 2) {
    const prefix = parts[0]!;
    name = parts[1]!;
    if (prefix === '') out.push('prefix part must be non-empty');
    else out.push(...checkDns1123Subdomain(prefix).map((m) => `prefix part ${m}`));
  } else if (parts.length > 2) {
    const text = regexError(
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
      qualified,
      'MyName',
      'my.name',
      '123-abc',
    );
    return [`${text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  if (name === '') out.push('name part must be non-empty');
  else if (byteLength(name) > 63) out.push(`name part ${tooLong(63)}`);
  if (!qualifiedRegExp.test(name)) {
    out.push(
      `name part ${regexError("must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", qualified, 'MyName', 'my.name', '123-abc')}`,
    );
  }
  return out;
}

export function checkLabelValue(value: string): string[] {
  const out = byteLength(value) > 63 ? [tooLong(63)] : [];
  if (!labelValueRegExp.test(value)) {
    const text =
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    out.push(regexError(text, `(${qualified})?`, 'MyValue', 'my_value', '12345'));
  }
  return out;
}

/** Key of a ConfigMap or Secret: a file name. */
export function checkConfigMapKey(value: string): string[] {
  const out = byteLength(value) > 253 ? [tooLong(253)] : [];
  if (!/^[-._a-zA-Z0-9]+$/.test(value)) {
    out.push(
      regexError(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        '[-._a-zA-Z0-9]+',
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  }
  if (value === '.') out.push("must not be '.'");
  else if (value === '..') out.push("must not be '..'");
  else if (value.startsWith('..')) out.push("must not start with '..'");
  return out;
}

/** Environment variable: any printable ASCII but `=` (Kubernetes 1.34, RelaxedEnvironmentVariableValidation). */
export function checkEnvVarName(value: string): string[] {
  if (value === '') return ['environment variable name must not be empty'];
  for (const char of value) {
    const code = char.codePointAt(0)!;
    if (code < 0x20 || code > 0x7e || char === '=')
      return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
  }
  return [];
}

/** IANA service name: the name of a container port. */
export function checkPortName(value: string): string[] {
  const out: string[] = [];
  if (byteLength(value) > 15) out.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(value)) out.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) out.push('must contain at least one letter (a-z)');
  if (value.includes('--')) out.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) out.push('must not begin or end with a hyphen');
  return out;
}

export function checkPortNumber(value: number): string[] {
  return value >= 1 && value <= 65535 ? [] : ['must be between 1 and 65535, inclusive'];
}
