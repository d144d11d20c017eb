/** Recorded answers of a real kube-apiserver against this one over HTTP. Data: `../shared/conformance/kubernetes` or below CONFORMANCE_DIR. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseApiVersion, SchemaRegistry } from '@palisade/kubernetes';
import { parse } from 'yaml';
import { startHarness } from './testing/harness.ts';

const root = process.env['CONFORMANCE_DIR'] ?? fileURLToPath(new URL('../../../../../shared/conformance', import.meta.url));
const directory = join(root, 'kubernetes');
const skip = existsSync(directory) ? false : `needs the recorded answers in ${directory}: CONFORMANCE_DIR names their folder`;
const YAML = { 'Content-Type': 'application/yaml' };

/** Cases whose text comes from another YAML parser; code and reason are compared. */
const OTHER_TEXT = new Set(['pod-not-yaml']);

test('each recorded refusal: HTTP status and Status', { skip }, async () => {
  await using harness = await startHarness();
  const read = (name: string) => readFileSync(join(directory, 'invalid', name), 'utf8');
  await harness.fetch('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    body: read('_widgets-crd.yaml'),
    headers: YAML,
  });
  const names = readdirSync(join(directory, 'invalid'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.replace('.json', '')); // prettier-ignore
  assert.ok(names.length > 0);
  for (const name of names) {
    const wanted = JSON.parse(read(`${name}.json`));
    const answer = await harness.fetch(wanted.method, `${wanted.path}?${wanted.query}&dryRun=All`, {
      body: read(`${name}.yaml`),
      headers: YAML,
    });
    assert.equal(answer.code, wanted.httpStatus, name);
    if (OTHER_TEXT.has(name)) assert.equal(answer.json.reason, wanted.status.reason, name);
    else assert.deepEqual(answer.json, wanted.status, name);
  }
});

/** Placeholders (`<uid>`) stand for any text. */
function same(wanted: unknown, found: unknown): boolean {
  if (typeof wanted === 'string' && /<[a-zA-Z]+>/.test(wanted)) {
    const pattern = wanted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/<[a-zA-Z]+>/g, '.+');
    return new RegExp(`^${pattern}$`).test(String(found));
  }
  if (typeof wanted !== 'object' || wanted === null || typeof found !== 'object' || found === null) return wanted === found;
  const keys = Object.keys(wanted);
  return (
    keys.length === Object.keys(found).length &&
    keys.every((key) => same((wanted as Record<string, unknown>)[key], (found as Record<string, unknown>)[key]))
  );
}

test('each recorded object: what creating it makes of it', { skip }, async () => {
  await using harness = await startHarness();
  const inputs = readdirSync(join(directory, 'defaulting')).filter((name) => name.endsWith('-in.yaml'));
  assert.ok(inputs.length > 0);
  for (const input of inputs) {
    const body = readFileSync(join(directory, 'defaulting', input), 'utf8');
    const wanted = parse(readFileSync(join(directory, 'defaulting', input.replace('-in', '-out')), 'utf8'));
    const object = parse(body);
    const info = SchemaRegistry.builtin().byKind({ ...parseApiVersion(object.apiVersion), kind: object.kind });
    assert.ok(info, input);
    const path = `${info.group === '' ? '/api' : `/apis/${info.group}`}/${info.version}${info.namespaced ? '/namespaces/default' : ''}/${info.resource}`;
    await harness.fetch('DELETE', `${path}/${object.metadata.name}`);
    const made = await harness.fetch('POST', path, { body, headers: YAML });
    assert.equal(made.code, 201, `${input}: ${made.text}`);
    // Recorded as it was read: a definition is established behind its creation.
    const answer = await harness.fetch('GET', `${path}/${object.metadata.name}`);
    // Not recorded here but for two kinds, which registry/apply.test.ts compares.
    delete answer.json.metadata.managedFields;
    if (!same(wanted, answer.json)) assert.deepEqual(answer.json, wanted, input);
  }
});
