import { eventNames } from './generated/tables.ts';
import type { HtmlStart } from './html5.ts';
import { HtmlTokenizer } from './html5.ts';
import { upper } from './sqli-tables.ts';

type AttributeClass = 'none' | 'black' | 'url' | 'style' | 'indirect';

const blackTags: ReadonlySet<string> = new Set(
  'APPLET BASE COMMENT EMBED FRAME FRAMESET HANDLER IFRAME IMPORT ISINDEX LINK LISTENER META NOSCRIPT OBJECT SCRIPT STYLE VMLFRAME XML XSS'.split(
    ' ',
  ),
);

const attributes: ReadonlyMap<string, AttributeClass> = new Map([
  ...'ACTION BY BACKGROUND DYNSRC FORMACTION FOLDER FROM HANDLER HREF LOWSRC POSTER SRC TO VALUES XLINK:HREF'
    .split(' ')
    .map((name) => [name, 'url'] as const),
  ['ATTRIBUTENAME', 'indirect'],
  ['DATAFORMATAS', 'black'],
  ['DATASRC', 'black'],
  ['FILTER', 'style'],
  ['STYLE', 'style'],
]);

const schemes = ['DATA', 'VIEW-SOURCE', 'VBSCRIPT', 'JAVA'];
let events: Set<string> | undefined;

/** libinjection's cross-site scripting test: the input between tags and in every kind of attribute value. */
export function detectXss(text: string): boolean {
  // Every finding below needs a tag or an attribute with a value.
  if (!text.includes('<') && !text.includes('=')) return false;
  return starts.some((start) => isXss(text, start));
}

const starts: readonly HtmlStart[] = ['data', 'unquoted', "'", '"', '`'];

function isXss(text: string, start: HtmlStart): boolean {
  const tokenizer = new HtmlTokenizer(text, start);
  let attribute: AttributeClass = 'none';
  for (let token = tokenizer.next(); token; token = tokenizer.next()) {
    if (token.kind !== 'ATTR_VALUE') attribute = 'none';
    switch (token.kind) {
      case 'DOCTYPE':
        return true;
      case 'TAG_NAME_OPEN':
        if (isBlackTag(token.text)) return true;
        break;
      case 'ATTR_NAME':
        attribute = classifyAttribute(token.text);
        break;
      case 'ATTR_VALUE':
        if (isBlackValue(attribute, token.text)) return true;
        attribute = 'none';
        break;
      case 'TAG_COMMENT':
        if (isBlackComment(token.text)) return true;
        break;
      default:
    }
  }
  return false;
}

/** Browsers skip NULs inside names. */
const fold = (text: string): string => upper(text.replaceAll('\0', ''));

function isBlackTag(text: string): boolean {
  if (text.length < 3) return false;
  const name = fold(text);
  return blackTags.has(name) || name.startsWith('SVG') || name.startsWith('XSL');
}

function classifyAttribute(text: string): AttributeClass {
  if (text.length < 2) return 'none';
  const name = fold(text);
  if (text.length >= 5) {
    if (name.startsWith('ON')) {
      events ??= new Set(eventNames.split('\n'));
      if (events.has(name.slice(2))) return 'black';
    }
    if (name.startsWith('XMLNS') || name.startsWith('XLINK')) return 'black';
  }
  return attributes.get(name) ?? 'none';
}

function isBlackValue(attribute: AttributeClass, value: string): boolean {
  if (attribute === 'black' || attribute === 'style') return true;
  if (attribute === 'url') return isBlackUrl(value);
  return attribute === 'indirect' && classifyAttribute(value) !== 'none';
}

/** Conditional comments and the pseudo-tags of old browsers. */
function isBlackComment(text: string): boolean {
  if (text.includes('`')) return true;
  if (text.length > 3 && /^(?:\[if|xml)/i.test(text)) return true;
  return text.length > 5 && /^(?:IMPORT|ENTITY)/.test(fold(text));
}

function isBlackUrl(value: string): boolean {
  const url = value.replace(/^[\0- \x7f-\xff]+/, '');
  return schemes.some((scheme) => startsWithDecoded(url, scheme));
}

/** Compare after HTML entities are decoded, skipping NUL and LF anywhere and other controls at the start. */
function startsWithDecoded(text: string, wanted: string): boolean {
  let at = 0;
  let matched = 0;
  while (at < text.length) {
    if (matched === wanted.length) return true;
    const { code, length } = decodeAt(text, at);
    at += length;
    if ((matched === 0 && code <= 32) || code === 0 || code === 10) continue;
    const folded = code >= 0x61 && code <= 0x7a ? code - 32 : code;
    if (folded !== wanted.charCodeAt(matched)) return false;
    matched++;
  }
  return matched === wanted.length;
}

/** One character, or a numeric entity with or without its semicolon. */
function decodeAt(text: string, at: number): { code: number; length: number } {
  const entity = /&#(?:[xX]([0-9A-Fa-f]+)|([0-9]+));?/y;
  entity.lastIndex = at;
  const match = text[at] === '&' ? entity.exec(text) : null;
  if (!match) return { code: text.charCodeAt(at), length: 1 };
  const code = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 16);
  // Above Unicode it is no character: read as the ampersand.
  return code > 0x1000ff ? { code: 0x26, length: 1 } : { code, length: match[0].length };
}
