import { Entities, readDoctype } from './xml-entities.ts';
import type { XmlAttribute, XmlElement } from './xml-tree.ts';

export type XmlResult =
  | { readonly ok: true; readonly root: XmlElement }
  | { readonly ok: false; readonly root: XmlElement | undefined; readonly reason: string };

export interface XmlLimits {
  readonly maxDepth: number;
  readonly maxNodes: number;
}

const defaultLimits: XmlLimits = { maxDepth: 256, maxNodes: 100_000 };

interface Open {
  readonly name: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: (XmlElement | string)[];
  readonly namespaces: ReadonlyMap<string, string>;
}

class XmlError extends Error {}

/**
 * Parse XML 1.0 with namespaces, bounded. Entities that the document itself declares are put in where they are named, as
 * text; external ones are never loaded and give nothing. What was read before an error is kept for the rules.
 */
export function parseXml(text: string, limits: XmlLimits = defaultLimits): XmlResult {
  let at = text.startsWith('\xef\xbb\xbf') ? 3 : 0;
  let nodes = 0;
  let root: XmlElement | undefined;
  const stack: Open[] = [];
  const entities = new Entities();
  const fail: (what: string) => never = (what) => {
    throw new XmlError(`${what} at offset ${at}`);
  };
  const until = (mark: string, what: string): string => {
    const end = text.indexOf(mark, at);
    if (end < 0) fail(`unclosed ${what}`);
    const inside = text.slice(at, end);
    at = end + mark.length;
    return inside;
  };
  const addText = (content: string): void => {
    const top = stack.at(-1);
    if (top && content !== '') top.children.push(content);
    else if (!top && content.trim() !== '') fail('text outside the root element');
  };
  const close = (name: string): void => {
    const open = stack.pop();
    if (open?.name !== name) fail(`found </${name}>, wanted ${open ? `</${open.name}>` : 'no closing tag'}`);
    const element = finish(open!);
    const parent = stack.at(-1);
    if (parent) parent.children.push(element);
    else root = element;
  };
  const openTag = (): void => {
    const name = readName();
    const written: [string, string][] = [];
    for (;;) {
      skipBlanks();
      if (text[at] === '>' || text.startsWith('/>', at)) break;
      const key = readName();
      skipBlanks();
      if (text[at] !== '=') fail(`attribute ${key} has no value`);
      at++;
      skipBlanks();
      const quote = text[at];
      if (quote !== '"' && quote !== "'") fail(`value of attribute ${key} is not quoted`);
      at++;
      const raw = until(quote!, 'attribute value');
      if (raw.includes('<')) fail(`"<" in the value of attribute ${key}`);
      if (written.some(([other]) => other === key)) fail(`attribute ${key} stands twice`);
      written.push([key, entities.expand(raw, fail)]);
      if (++nodes > limits.maxNodes) fail(`more than ${limits.maxNodes} nodes`);
    }
    if (root && stack.length === 0) fail('a second root element');
    if (stack.length >= limits.maxDepth) fail(`nesting deeper than ${limits.maxDepth}`);
    const namespaces = new Map(stack.at(-1)?.namespaces ?? [['xml', 'http://www.w3.org/XML/1998/namespace']]);
    for (const [key, value] of written) {
      if (key === 'xmlns') namespaces.set('', value);
      else if (key.startsWith('xmlns:')) namespaces.set(key.slice(6), value);
    }
    const attributes = written
      .filter(([key]) => key !== 'xmlns' && !key.startsWith('xmlns:'))
      .map(([key, value]) => ({ ...qualify(key, namespaces, false), value }));
    stack.push({ name, attributes, children: [], namespaces });
    if (text[at] === '/') {
      at += 2;
      close(name);
    } else at++;
  };
  const readName = (): string => {
    const pattern = /[A-Za-z_:\x80-\xff][\w:.\x80-\xff-]*/y;
    pattern.lastIndex = at;
    const name = pattern.exec(text)?.[0];
    if (name === undefined) return fail('wanted a name');
    at += name.length;
    return name;
  };
  const skipBlanks = (): void => {
    while (' \t\r\n'.includes(text[at] ?? 'x')) at++;
  };
  const markup = (): void => {
    if (text.startsWith('<!--', at)) {
      at += 4;
      until('-->', 'comment');
    } else if (text.startsWith('<![CDATA[', at)) {
      at += 9;
      const top = stack.at(-1);
      const content = until(']]>', 'CDATA section');
      if (!top) fail('CDATA outside the root element');
      addText(content);
    } else if (text.startsWith('<?', at)) {
      const start = at;
      at += 2;
      checkInstruction(until('?>', 'processing instruction'), start === (text.startsWith('\xef\xbb\xbf') ? 3 : 0), fail);
    } else if (text.startsWith('<!DOCTYPE', at)) {
      if (root || stack.length > 0) fail('a document type after the root element began');
      at = readDoctype(text, at, entities, fail);
    } else if (text.startsWith('</', at)) {
      at += 2;
      const name = readName();
      skipBlanks();
      if (text[at] !== '>') fail('wanted ">"');
      at++;
      close(name);
    } else {
      at++;
      openTag();
    }
  };
  try {
    while (at < text.length) {
      if (++nodes > limits.maxNodes) fail(`more than ${limits.maxNodes} nodes`);
      if (text[at] === '<') markup();
      else {
        const end = text.indexOf('<', at);
        const raw = text.slice(at, end < 0 ? undefined : end);
        addText(entities.expand(raw, fail));
        at += raw.length;
      }
    }
    if (stack.length > 0) fail(`<${stack.at(-1)!.name}> is not closed`);
    if (!root) return fail('no root element');
    return { ok: true, root };
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    while (stack.length > 0) {
      const element = finish(stack.pop()!);
      const parent = stack.at(-1);
      if (parent) parent.children.push(element);
      else root = element;
    }
    return { ok: false, root, reason: `XML parsing error: XML: Failed parsing document. Found: ${error.message}` };
  }
}

/** The declaration stands first, in this form; nothing else may be called `xml` (XML 1.0 §2.6, §2.8). */
function checkInstruction(content: string, isFirst: boolean, fail: (what: string) => never): void {
  if (!/^xml(?![\w:.-])/i.test(content)) return;
  const declaration =
    /^xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.\d+\1(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])[A-Za-z][\w.-]*\2)?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(?:yes|no)\3)?[ \t\r\n]*$/;
  if (!isFirst || !declaration.test(content)) fail('a malformed XML declaration');
}

function finish(open: Open): XmlElement {
  return { ...qualify(open.name, open.namespaces, true), attributes: open.attributes, children: open.children };
}

/** Attributes without a prefix have no namespace (Namespaces in XML §6.2). */
function qualify(name: string, namespaces: ReadonlyMap<string, string>, isElement: boolean) {
  const colon = name.indexOf(':');
  const prefix = colon < 0 ? '' : name.slice(0, colon);
  const namespace = prefix === '' && !isElement ? '' : (namespaces.get(prefix) ?? '');
  return { name, localName: name.slice(colon + 1), namespace };
}
