/** An XML element. Text children are strings; entities are already replaced. */
export interface XmlElement {
  readonly name: string;
  readonly localName: string;
  readonly namespace: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly (XmlElement | string)[];
}

export interface XmlAttribute {
  readonly name: string;
  readonly localName: string;
  readonly namespace: string;
  readonly value: string;
}

/** All text below an element, in document order (XPath 1.0 §5.2, string-value). Iterative: depth is the sender's choice. */
export function textOf(element: XmlElement): string {
  let text = '';
  const stack: (XmlElement | string)[] = [element];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (typeof node === 'string') text += node;
    else for (let i = node.children.length - 1; i >= 0; i--) stack.push(node.children[i]!);
  }
  return text;
}
