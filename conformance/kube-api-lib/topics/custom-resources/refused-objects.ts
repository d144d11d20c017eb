import type { Check } from '../../topic.ts';
import { widget, widgetsPath } from './widgets.ts';

const invalid = (name: string, spec: object): Check => ({
  name: `refused: ${name}`,
  send: `POST ${widgetsPath}?dryRun=All`,
  body: widget('x', spec),
});

/** One broken rule of the schema each. */
export const refusedObjects: readonly Check[] = [
  invalid('size missing', {}),
  invalid('too big', { size: 11 }),
  invalid('too small', { size: 0 }),
  invalid('not whole', { size: 1.5 }),
  invalid('text for a number', { size: '3' }),
  invalid('not in the list', { size: 1, color: 'green' }),
  invalid('too short', { size: 1, name: 'a' }),
  invalid('too long', { size: 1, name: 'abcdefg' }),
  invalid('pattern', { size: 1, name: 'AB' }),
  invalid('ratio zero', { size: 1, ratio: 0 }),
  invalid('ratio no multiple', { size: 1, ratio: 0.7 }),
  invalid('port that is a list', { size: 1, port: [] }),
  invalid('too many tags', { size: 1, tags: ['a', 'b', 'c', 'd'] }),
  invalid('no tags', { size: 1, tags: [] }),
  invalid('tags twice', { size: 1, tags: ['a', 'a'] }),
  invalid('parts twice', { size: 1, parts: [{ id: 'a' }, { id: 'a' }] }),
  invalid('part without id', { size: 1, parts: [{ n: 1 }] }),
  invalid('too many labels', { size: 1, labels: { a: '1', b: '2', c: '3' } }),
  invalid('label of a number', { size: 1, labels: { a: 1 } }),
  invalid('no time', { size: 1, when: 'yesterday' }),
  invalid('neither', { size: 1, either: {} }),
  invalid('both', { size: 1, either: { a: '1', b: '2' } }),
  invalid('embedded without a kind', { size: 1, template: { metadata: {} } }),
  invalid('rule with a field path', { size: 9, name: 'abc' }),
  invalid('rule with a made message', { size: 1, color: 'blue' }),
  invalid('rule without a message', { size: 1, parts: [{ id: 'bad' }] }),
  { ...invalid('several faults', { size: 0, color: 'green', name: 'X', parts: [{}] }), inAnyOrder: true },
];
