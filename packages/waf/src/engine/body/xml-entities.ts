type Fail = (what: string) => never;

const predefined: readonly (readonly [string, string])[] = [
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
];

/** Characters that all references of a document may come to: ten lines can declare billions. */
const MAX_EXPANDED = 1_000_000;
const MAX_NESTING = 20;

/** The general entities of one document (XML 1.0 §4.4). What an entity holds is text here, markup in it included. */
export class Entities {
  readonly #declared = new Map<string, string>();
  readonly #predefined = new Map(predefined);
  #expanded = 0;

  /** The first declaration of a name is the one that holds (§4.2). */
  declare(name: string, value: string): void {
    if (!this.#declared.has(name)) this.#declared.set(name, value);
  }

  /** Put in what the references in a text stand for. */
  expand(raw: string, fail: Fail, nesting = 0): string {
    if (!raw.includes('&')) return raw;
    if (nesting > MAX_NESTING) fail(`entities nest deeper than ${MAX_NESTING}`);
    return raw.replace(/&([^;&<\s]{0,64})(;?)/g, (whole: string, body: string, semicolon: string) => {
      if (semicolon === '') return fail(`found ${JSON.stringify(whole)}, wanted an entity reference`);
      if (body.startsWith('#')) return character(whole, body, fail);
      const known = this.#predefined.get(body);
      if (known !== undefined) return known;
      const text = this.#declared.get(body) ?? '';
      // An entity that comes to nothing takes its time, too.
      this.#expanded += text.length + 1;
      if (this.#expanded > MAX_EXPANDED) fail(`entities come to more than ${MAX_EXPANDED} characters`);
      return this.expand(text, fail, nesting + 1);
    });
  }
}

function character(whole: string, body: string, fail: Fail): string {
  const [, hex, decimal] = /^#(?:x([0-9A-Fa-f]+)|(\d+))$/.exec(body) ?? [];
  const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  if (!(point > 0 && point <= 0x10ffff) || (point >= 0xd800 && point < 0xe000)) fail(`character reference ${whole} is no character`);
  return Buffer.from(String.fromCodePoint(point), 'utf8').toString('latin1');
}

const declaration = /<!ENTITY[ \t\r\n]+([A-Za-z_:\x80-\xff][\w:.\x80-\xff-]*)[ \t\r\n]+("[^"]*"|'[^']*')[ \t\r\n]*>/y;

const parameterReference = /%[^\s;"'<>%]+;/y;

/**
 * Go over a document type, keeping the entities that are declared with their text. A parameter entity may stand for
 * declarations, which the application would see: naming one is an error.
 *
 * @returns where it ends
 */
export function readDoctype(text: string, from: number, entities: Entities, fail: Fail): number {
  let at = from;
  let depth = 0;
  while (at < text.length) {
    const c = text[at]!;
    declaration.lastIndex = at;
    const [whole, name, value] = (c === '<' && declaration.exec(text)) || [];
    if (whole !== undefined) {
      entities.declare(name!, value!.slice(1, -1));
      at += whole.length;
      continue;
    }
    if (c === '"' || c === "'") {
      const end = text.indexOf(c, at + 1);
      if (end < 0) break;
      at = end;
    } else if (text.startsWith('<!--', at)) {
      const end = text.indexOf('-->', at + 4);
      if (end < 0) break;
      at = end + 2;
    } else if (c === '%') {
      parameterReference.lastIndex = at;
      const [reference] = parameterReference.exec(text) ?? [];
      if (reference !== undefined) fail(`parameter entity ${reference} is not read`);
    } else if (c === '<') depth++;
    else if (c === '>' && --depth === 0) return at + 1;
    at++;
  }
  return fail('unclosed document type');
}
