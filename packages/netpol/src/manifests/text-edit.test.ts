import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { readManifests } from './manifests.ts';
import { editText } from './text-edit.ts';

const trap = `# what may reach the database
kind: NetworkPolicy
metadata: {name: db}
spec:
  podSelector: {}
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {user: alice}} # hers
    - podSelector: {matchLabels: {role: client}}
    ports: [{port: 80}]
`;
const merge = [
  { op: 'add', path: '/spec/ingress/0/from/0/podSelector', value: { matchLabels: { role: 'client' } } },
  { op: 'remove', path: '/spec/ingress/0/from/1' },
] as const;

function applied(text: string, edit: ReturnType<typeof editText>): string {
  const lines = text.split('\n');
  lines.splice(edit.firstLine - 1, edit.lastLine - edit.firstLine + 1, ...edit.text.split('\n').slice(0, -1));
  return lines.join('\n');
}

describe('editText', () => {
  it('touches the lines that change and leaves comments alone', () => {
    const edit = editText(trap, merge);
    assert.deepEqual([edit.firstLine, edit.lastLine], [9, 9]);
    const changed = applied(trap, edit);
    assert.match(changed, /# what may reach[\s\S]*# hers/);
    const { from } = parse(changed).spec.ingress[0];
    assert.deepEqual(from, [{ namespaceSelector: { matchLabels: { user: 'alice' } }, podSelector: { matchLabels: { role: 'client' } } }]);
  });

  it('replaces a value, and adds to the end of a list', () => {
    assert.deepEqual(editText(trap, [{ op: 'replace', path: '/spec/ingress/0/ports/0/port', value: 8080 }]), {
      firstLine: 10,
      lastLine: 10,
      text: '    ports: [{port: 8080}]\n',
    });
    const added = applied(trap, editText(trap, [{ op: 'add', path: '/spec/ingress/-', value: { ports: [{ port: 81 }] } }]));
    assert.deepEqual(parse(added).spec.ingress[1], { ports: [{ port: 81 }] });
  });

  it('counts lines of the file, whatever stands before the document', () => {
    const files = [{ name: 'all.yaml', text: `kind: Pod\nmetadata: {name: a}\n---\n${trap}---\nkind: Pod\n` }];
    const { editOf, lineOf } = readManifests(files);
    const policy = { kind: 'NetworkPolicy', namespace: 'default', name: 'db' };
    const edit = editOf(policy, merge)!;
    assert.equal(edit.file, 'all.yaml');
    assert.equal(lineOf(policy, 'spec.ingress[0].from[1]'), `all.yaml:${edit.firstLine}`);
    assert.equal(editOf({ ...policy, name: 'other' }, merge), undefined);
  });
});
