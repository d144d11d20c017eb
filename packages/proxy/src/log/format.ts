/** A log line from Envoy's text and JSON formats. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { compileOperator, type LogSubject, type Operator } from './operators.ts';

export type Format = (subject: LogSubject) => string;

/** Envoy's default text format. */
export const defaultFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

function split(format: string, where: string): (string | Operator)[] {
  return format
    .split(/(%[^%]*%)/)
    .filter((part) => part !== '')
    .map((part) => (part === '%%' ? '%' : part.startsWith('%') && part.endsWith('%') ? compileOperator(part.slice(1, -1), where) : part));
}

export function compileTextFormat(format: string, where: string): Format {
  const parts = split(format, where);
  return (subject) => {
    let line = '';
    for (const part of parts) line += typeof part === 'string' ? part : text(part(subject));
    return line;
  };
}

const text = (value: string | number | undefined) => (value === undefined ? '-' : String(value).replace(/[\r\n]/g, ' '));

/** One object a line, keys in order of their names. A value that is one operator keeps its type; an absent one is null. */
export function compileJsonFormat(format: JsonObject, where: string): Format {
  const render = compileJsonValue(format, where);
  return (subject) => `${render(subject)}\n`;
}

function compileJsonValue(value: JsonValue, where: string): Format {
  if (typeof value === 'string') {
    const parts = split(value, where);
    const [only] = parts;
    if (parts.length === 1 && typeof only === 'function') {
      return (subject) => {
        const found = only(subject);
        return found === undefined ? 'null' : typeof found === 'number' ? String(found) : quote(found);
      };
    }
    const whole = compileTextFormat(value, where);
    return (subject) => quote(whole(subject));
  }
  if (typeof value !== 'object' || value === null) return () => JSON.stringify(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => compileJsonValue(item, where));
    return (subject) => `[${items.map((item) => item(subject)).join(',')}]`;
  }
  const fields = Object.keys(value)
    .sort()
    .map((key, index) => ({ before: `${index === 0 ? '{' : ','}${JSON.stringify(key)}:`, render: compileJsonValue(value[key]!, where) }));
  return (subject) => {
    let line = fields.length === 0 ? '{' : '';
    for (const { before, render } of fields) line += before + render(subject);
    return `${line}}`;
  };
}

const needsEscape = /["\\\u0000-\u001f]/;
const quote = (value: string) => (needsEscape.test(value) ? JSON.stringify(value) : `"${value}"`);
