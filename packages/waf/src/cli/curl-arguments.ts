import type { RequestHead } from '../engine/transaction/request.ts';

export interface WrittenRequest {
  readonly head: RequestHead;
  /** Bytes as latin1 text. */
  readonly body: string;
}

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/**
 * A request written as for curl: `-X METHOD -H 'Name: value' -d DATA --data-raw --json -b COOKIE -A AGENT -e REFERER
 * -G -I URL`. Options of curl that only concern the connection are refused, not skipped: they might mean something.
 *
 * @param readFile for `-d @FILE`
 * @throws Error naming the option
 */
export function readCurlArguments(args: readonly string[], readFile: (name: string) => string): WrittenRequest {
  let method: string | undefined;
  let url: string | undefined;
  let isGet = false;
  const data: string[] = [];
  const headers: [string, string][] = [];
  const next = (index: number, option: string): string => {
    const value = args[index + 1];
    if (value === undefined) throw new Error(`${option} needs a value`);
    return value;
  };
  const header = (text: string): void => {
    const colon = text.indexOf(':');
    if (colon < 1) throw new Error(`Cannot use header "${text}": wanted "Name: value"`);
    headers.push([bytes(text.slice(0, colon)), bytes(text.slice(colon + 1).trim())]);
  };
  for (let i = 0; i < args.length; i++) {
    const option = args[i]!;
    if (!option.startsWith('-')) {
      if (url !== undefined) throw new Error(`One URL at a time: found "${url}" and "${option}"`);
      url = option;
      continue;
    }
    if (option === '-G' || option === '--get') isGet = true;
    else if (option === '-I' || option === '--head') method = 'HEAD';
    else if (!['-s', '-i', '-v', '--silent', '--include', '--verbose', '--path-as-is', '-g'].includes(option)) {
      const value = next(i++, option);
      if (option === '-X' || option === '--request') method = value;
      else if (option === '-H' || option === '--header') header(value);
      else if (option === '-A' || option === '--user-agent') header(`User-Agent: ${value}`);
      else if (option === '-b' || option === '--cookie') header(`Cookie: ${value}`);
      else if (option === '-e' || option === '--referer') header(`Referer: ${value}`);
      else if (option === '--data-raw') data.push(bytes(value));
      else if (['-d', '--data', '--data-ascii'].includes(option))
        data.push(value.startsWith('@') ? readFile(value.slice(1)).replace(/[\r\n]/g, '') : bytes(value));
      else if (option === '--data-binary') data.push(value.startsWith('@') ? readFile(value.slice(1)) : bytes(value));
      else if (option === '--data-urlencode') data.push(urlEncode(value));
      else if (option === '--json') {
        data.push(value.startsWith('@') ? readFile(value.slice(1)) : bytes(value));
        header('Content-Type: application/json');
        header('Accept: application/json');
      } else
        throw new Error(`Unknown option ${option}: known are -X -H -A -b -e -d --data-raw --data-binary --data-urlencode --json -G -I`);
    }
  }
  if (url === undefined) throw new Error('No URL: wanted one such as "http://shop.example/?q=1"');
  return assemble(url, method, headers, data.join('&'), isGet);
}

function assemble(url: string, method: string | undefined, given: [string, string][], data: string, isGet: boolean): WrittenRequest {
  const match = /^(?:https?:\/\/)?([^/?#]*)([^#]*)/i.exec(url)!;
  let uri = bytes(match[2] || '/');
  if (!uri.startsWith('/')) uri = `/${uri}`;
  if (isGet && data !== '') uri += `${uri.includes('?') ? '&' : '?'}${data}`;
  const body = isGet ? '' : data;
  const names = new Set(given.map(([name]) => name.toLowerCase()));
  const added: [string, string][] = [
    ['Host', bytes(match[1] || 'localhost')],
    ['User-Agent', 'curl/8'],
    ['Accept', '*/*'],
    ...(body === ''
      ? []
      : ([
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Content-Length', String(body.length)],
        ] as [string, string][])),
  ];
  const headers = [...added.filter(([name]) => !names.has(name.toLowerCase())), ...given];
  return { head: { method: method ?? (body === '' ? 'GET' : 'POST'), uri, protocol: 'HTTP/1.1', headers }, body };
}

/** curl's forms: `content`, `=content` and `name=content`. */
function urlEncode(text: string): string {
  const equals = text.indexOf('=');
  const name = equals > 0 ? `${text.slice(0, equals)}=` : '';
  return name + encodeURIComponent(equals < 0 ? text : text.slice(equals + 1));
}
