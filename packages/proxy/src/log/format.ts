/** A log line from Envoy's text and JSON formats. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { LineWriter } from './line-writer.ts';
import { compileOperator, type Operator } from './operators.ts';
import type { LogSubject } from './subject.ts';

export type Format = (subject: LogSubject, out: LineWriter) => void;

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
  return (subject, out) => {
    for (const part of parts) out.text(textOf(part, subject));
  };
}

function textOf(part: string | Operator, subject: LogSubject): string {
  if (typeof part === 'string') return part;
  const value = part(subject);
  return value === undefined ? '-' : String(value).replace(/[\r\n]/g, ' ');
}

/** One object a line, keys in order of their names. A value that is one operator keeps its type; an absent one is null. */
export function compileJsonFormat(format: JsonObject, where: string): Format {
  const render = compileJsonValue(format, where);
  return (subject, out) => {
    render(subject, out);
    out.text('\n');
  };
}

function compileJsonValue(value: JsonValue, where: string): Format {
  if (typeof value === 'string') {
    const parts = split(value, where);
    const [only] = parts;
    if (parts.length === 1 && typeof only === 'function') {
      return (subject, out) => {
        const found = only(subject);
        if (typeof found === 'string') out.quoted(found);
        else out.text(found === undefined ? 'null' : String(found));
      };
    }
    return (subject, out) => out.quoted(parts.map((part) => textOf(part, subject)).join(''));
  }
  if (typeof value !== 'object' || value === null) {
    const text = JSON.stringify(value);
    return (_subject, out) => out.text(text);
  }
  if (Array.isArray(value)) {
    return group(
      '[',
      value.map((item) => ['', compileJsonValue(item, where)]),
      ']',
    );
  }
  const keys = Object.keys(value).sort();
  return group(
    '{',
    keys.map((key) => [`${JSON.stringify(key)}:`, compileJsonValue(value[key]!, where)]),
    '}',
  );
}

/** @param members what stands before each, and what writes it */
function group(begin: string, members: readonly (readonly [before: string, render: Format])[], end: string): Format {
  if (members.length === 0) return (_subject, out) => out.text(begin + end);
  const fields = members.map(([before, render], index) => ({ before: (index === 0 ? begin : ',') + before, render }));
  return (subject, out) => {
    for (const { before, render } of fields) {
      out.text(before);
      render(subject, out);
    }
    out.text(end);
  };
}
