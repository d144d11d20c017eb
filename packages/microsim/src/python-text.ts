/** Text as the original's Python prints it: people parse these lines. */

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number) => String(value).padStart(2, '0');

/** `time.asctime()`: `Thu Aug 22 18:41:55 2019`, local time, day padded with a space. */
export function asctime(date: Date): string {
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${days[date.getDay()]} ${months[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clock} ${date.getFullYear()}`;
}

/** `time.strftime("%Y-%m-%dT%H:%M:%S")`, local time. */
export function logTime(date: Date): string {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A number that Python holds as a float and writes with a fraction: `1.0`. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export type PythonValue = string | number | boolean | null | Float | { readonly [key: string]: PythonValue };

/** `json.dumps`: ASCII only; `", "` and `": "` on one line, or one member a line when `indent` is given. */
export function pythonJson(value: PythonValue, indent = 0, depth = 1): string {
  if (value instanceof Float) return Number.isInteger(value.value) ? value.value.toFixed(1) : String(value.value);
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).map(([key, member]) => `${quote(key)}: ${pythonJson(member, indent, depth + 1)}`);
  if (members.length === 0) return '{}';
  if (indent === 0) return `{${members.join(', ')}}`;
  const margin = ' '.repeat(indent * depth);
  return `{\n${members.map((member) => margin + member).join(',\n')}\n${' '.repeat(indent * (depth - 1))}}`;
}

function quote(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const alphanumerics = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** @param random uniform in [0, 1) */
export function randomText(length: number, random: () => number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += alphanumerics[Math.floor(random() * alphanumerics.length)];
  return text;
}

/** `urllib.parse.urlencode`: space as `+`, everything but letters, digits and `_.-~` escaped. */
export function formEncode(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${quotePlus(name)}=${quotePlus(value)}`)
    .join('&');
}

function quotePlus(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%20/g, '+');
}

/** `urllib.parse.unquote`: a malformed escape stays as written; bytes that are not UTF-8 become U+FFFD. */
export function unquote(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}
