import { goSyntax, goText } from '../patch/go-text.ts';
import { renderElement } from './field-set.ts';
import { childShape, isStruct, itemKey, type LeafType, type Shape } from './shape.ts';

/**
 * What in an applied configuration does not fit its type, in the words of structured-merge-diff (`typed/validate.go`); empty when all
 * of it does. Nulls fit everything. What no schema knows can be owned by nobody, nor can elements that cannot be told apart.
 */
export function findTypeFaults(shape: Shape, value: unknown): string[] {
  const faults: string[] = [];
  visit(shape, value, '', faults);
  return faults;
}

/** One text for all faults. */
export function formatTypeFaults(faults: readonly string[]): string {
  return faults.length === 1 ? faults[0]! : ['errors:', ...faults.map((fault) => `  ${fault}`)].join('\n');
}

function visit(shape: Shape, value: unknown, path: string, faults: string[]): void {
  if (value === null || value === undefined) return;
  const refuse = (why: string) => faults.push(at(path, why));
  switch (shape.kind) {
    case 'open':
      return;
    case 'leaf': {
      const { holds } = shape;
      if (typeof holds !== 'object') {
        const why = scalarFault(holds, value);
        if (why !== undefined) refuse(why);
      } else if ('struct' in holds) visit(holds.struct, value, path, faults);
      else if (Array.isArray(value)) for (const [i, item] of value.entries()) visit(holds.list, item, `${path}[${i}]`, faults);
      else refuse(`expected list, got &{${goText(value)}}`);
      return;
    }
    case 'struct':
    case 'map':
      if (!isStruct(value)) {
        refuse(`expected map, got &{${goText(value)}}`);
        return;
      }
      for (const [name, child] of Object.entries(value)) {
        if (shape.kind === 'struct' && shape.field(name) === undefined && shape.others === undefined)
          faults.push(`${path}.${name}: field not declared in schema`);
        else visit(childShape(shape, name), child, `${path}.${name}`, faults);
      }
      return;
    case 'keyed':
    case 'set':
      if (Array.isArray(value)) elements(shape, value, path, faults);
      else refuse(`expected list, got &{${goText(value)}}`);
      return;
    default:
      shape satisfies never;
  }
}

const at = (path: string, why: string): string => (path === '' ? why : `${path}: ${why}`);

function elements(shape: Extract<Shape, { kind: 'keyed' | 'set' }>, value: readonly unknown[], path: string, faults: string[]): void {
  const seen = new Set<string>();
  for (const [i, item] of value.entries()) {
    const fault = shape.kind === 'keyed' ? keyedFault(shape, item) : setFault(item);
    if (fault !== undefined) {
      faults.push(at(path, `element ${i}: ${fault}`));
      return;
    }
    const key = shape.kind === 'keyed' ? itemKey(shape, item) : `v:${JSON.stringify(item)}`;
    const element = renderElement(key);
    if (seen.has(key)) faults.push(at(path, `duplicate entries for key ${element}`));
    seen.add(key);
    visit(shape.item, item, path + element, faults);
  }
}

function keyedFault({ keys, keyDefaults }: Extract<Shape, { kind: 'keyed' }>, item: unknown): string | undefined {
  if (item === null) return 'associative list with keys may not have a null element';
  if (!isStruct(item)) return 'associative list with keys may not have non-map elements';
  if (keys.some((key) => item[key] !== undefined || keyDefaults[key] !== undefined)) return undefined;
  const names = keys.map((key) => JSON.stringify(key)).join(' ');
  return `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`;
}

function setFault(item: unknown): string | undefined {
  if (item === null) return "associative list without keys has an element that's an explicit null";
  if (isStruct(item)) return "associative list without keys has an element that's a map type";
  return Array.isArray(item) ? 'not supported: associative list with lists as elements' : undefined;
}

function scalarFault(type: Exclude<LeafType, object>, value: unknown): string | undefined {
  switch (type) {
    case 'any':
      return undefined;
    case 'string':
      return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'numeric':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goText(value)}}`;
    case 'scalar':
      return typeof value === 'object' ? `expected any scalar, got &{${goText(value)}}` : undefined;
    default:
      return type satisfies never;
  }
}

function goType(value: unknown): string {
  if (typeof value !== 'object') return typeof value === 'boolean' ? 'bool' : typeof value;
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}
