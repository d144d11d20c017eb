import type { XmlElement } from './xml-tree.ts';
import { textOf } from './xml-tree.ts';

interface Step {
  /** Any depth (`//`) or the next level (`/`). */
  readonly isDeep: boolean;
  readonly axis: 'element' | 'attribute' | 'text';
  /** undefined for `*`. */
  readonly name: string | undefined;
  /** Namespace of the name's prefix; undefined when it has none. */
  readonly namespace: string | undefined;
  readonly position: number | undefined;
  /** `[text()]`, `[@a]`, `[b]`: only elements that have one; `[@a='x']` …: one that equals the text. */
  readonly has: string | undefined;
  readonly equals: string | undefined;
}

/** The part of XPath 1.0 that rules use: absolute paths of `/` and `//` steps over elements, `@attributes`, `text()`, with `[n]`, `[text()]`, `[@a]`, `[b]`, and `[local-name()='x']`, `[@a='x']` … */
export interface XPath {
  readonly source: string;
  /** By prefix, from the rule's `xmlns` actions. */
  readonly namespaces: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
  /** Paths of one identity select the same, whatever their prefixes are called. */
  readonly identity: string;
}

/** @throws Error for anything outside that part */
export function parseXPath(source: string, namespaces: ReadonlyMap<string, string>): XPath {
  const fail = (what: string): never => {
    throw new Error(`XPath ${JSON.stringify(source)}: ${what}; wanted a path such as /*, //@*, /a/b/text() or //a[1]`);
  };
  const steps: Step[] = [];
  const pattern =
    /(\/\/?)(@)?(?:(\*|text\(\)|node\(\))|(?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*))(?:\[(?:(\d{1,6})|((?:text|name|local-name)\(\)|@?[A-Za-z_][\w.-]*)(?:\s*=\s*("[^"]*"|'[^']*'))?)\])?/y;
  while (pattern.lastIndex < source.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(source);
    if (!match) return fail(`found ${JSON.stringify(source.slice(at, at + 20))}`);
    const [, slash, attribute, special, prefix, name, position, has, text] = match;
    const namespace = prefix === undefined ? undefined : namespaces.get(prefix);
    if (prefix !== undefined && namespace === undefined) fail(`prefix ${prefix} has no xmlns action`);
    const axis = attribute ? 'attribute' : special === 'text()' ? 'text' : 'element';
    steps.push({
      isDeep: slash === '//',
      axis,
      name,
      namespace,
      position: position === undefined ? undefined : Number(position),
      has,
      equals: text?.slice(1, -1),
    });
  }
  if (steps.length === 0) fail('empty');
  return { source, namespaces, steps, identity: JSON.stringify(steps) };
}

/** String values of all nodes the path selects, in document order. */
export function selectXPath(root: XmlElement | undefined, path: XPath): string[] {
  if (!root) return [];
  let context: XmlElement[] = [{ name: '', localName: '', namespace: '', attributes: [], children: [root] }];
  for (const step of path.steps) {
    const parents = step.isDeep ? [...new Set(context.flatMap(descendants))] : context;
    if (step.axis === 'attribute')
      return parents.flatMap((parent) => parent.attributes.filter((attribute) => fits(attribute, step)).map((a) => a.value));
    if (step.axis === 'text') return parents.flatMap((parent) => parent.children.filter((child) => typeof child === 'string'));
    context = parents.flatMap((parent) => {
      const found = parent.children.filter((child): child is XmlElement => typeof child !== 'string' && fits(child, step));
      if (step.has !== undefined) return found.filter((element) => hasPart(element, step.has!, step.equals));
      return step.position === undefined ? found : found.slice(step.position - 1, step.position);
    });
  }
  return context.map(textOf);
}

function hasPart(element: XmlElement, part: string, wanted: string | undefined): boolean {
  const values = partsOf(element, part);
  return wanted === undefined ? values.length > 0 : values.includes(wanted);
}

function partsOf(element: XmlElement, part: string): string[] {
  if (part === 'text()') return element.children.filter((child) => typeof child === 'string');
  if (part === 'name()') return [element.name];
  if (part === 'local-name()') return [element.localName];
  if (part.startsWith('@')) return element.attributes.filter(({ localName }) => localName === part.slice(1)).map(({ value }) => value);
  return element.children.filter((child): child is XmlElement => typeof child !== 'string' && child.localName === part).map(textOf);
}

function fits(node: { readonly localName: string; readonly namespace: string }, step: Step): boolean {
  return step.name === undefined || (node.localName === step.name && (step.namespace === undefined || node.namespace === step.namespace));
}

function descendants(element: XmlElement): XmlElement[] {
  const all: XmlElement[] = [];
  const stack = [element];
  while (stack.length > 0) {
    const node = stack.pop()!;
    all.push(node);
    for (let i = node.children.length - 1; i >= 0; i--) {
      const child = node.children[i]!;
      if (typeof child !== 'string') stack.push(child);
    }
  }
  return all;
}
