import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { KubernetesObject } from '@palisade/kubernetes';
import { parseAllDocuments } from 'yaml';
import { type Harness, startHarness } from '../../testing/harness.ts';

const data = process.env['CONFORMANCE_DIR'] ?? fileURLToPath(new URL('../../../../../../../shared/conformance', import.meta.url));
const file = `${data}/istio/crds/crd-all.gen.yaml`;
const skip = existsSync(file) ? false : `no ${file}: CONFORMANCE_DIR names the folder of the conformance data`;

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };

describe("Istio's own definitions", { skip }, () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
      const definition = document.toJS() as KubernetesObject | null;
      // Every rule compiles, or this would be refused.
      if (definition?.kind === 'CustomResourceDefinition') await harness.client.create(DEFINITIONS, definition);
    }
  });
  after(() => harness?.[Symbol.asyncDispose]());

  const objects: [name: string, group: string, kind: string, resource: string, spec: object, pattern: RegExp | undefined][] = [
    [
      'a duration',
      'networking',
      'DestinationRule',
      'destinationrules',
      { host: 'a', trafficPolicy: { connectionPool: { tcp: { connectTimeout: '10ms' } } } },
      undefined,
    ],
    [
      'a duration that is none',
      'networking',
      'DestinationRule',
      'destinationrules',
      { host: 'a', trafficPolicy: { connectionPool: { tcp: { connectTimeout: '0s' } } } },
      /spec\.trafficPolicy\.connectionPool\.tcp\.connectTimeout: Invalid value: "string": must be a valid duration greater than 1ms/,
    ],
    [
      'a selector with an empty key',
      'security',
      'RequestAuthentication',
      'requestauthentications',
      { selector: { matchLabels: { '': 'x' } } },
      /spec\.selector\.matchLabels: Invalid value: "object": key must not be empty/,
    ],
    [
      'two ways to name a target',
      'security',
      'AuthorizationPolicy',
      'authorizationpolicies',
      { selector: { matchLabels: { a: 'b' } }, targetRefs: [{ kind: 'Service', name: 'x' }] },
      /spec: Invalid value: "object": /,
    ],
    [
      'addresses with a resolution that wants none',
      'networking',
      'ServiceEntry',
      'serviceentries',
      {
        hosts: ['a.example.com'],
        addresses: ['10.0.0.0/8'],
        resolution: 'DNS',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      },
      /spec: Invalid value: "object": CIDR addresses are allowed only for NONE\/STATIC/,
    ],
    ['an image', 'extensions', 'WasmPlugin', 'wasmplugins', { url: 'oci://example.com/x' }, undefined],
    [
      'an image by an unknown scheme',
      'extensions',
      'WasmPlugin',
      'wasmplugins',
      { url: 'ftp://example.com/x' },
      /spec\.url: Invalid value: "string"/,
    ],
  ];
  for (const [name, group, kind, resource, spec, pattern] of objects) {
    test(`${kind}: ${name}`, async () => {
      const info = (
        await harness.client.get(DEFINITIONS, { name: `${resource}.${group === 'extensions' ? 'extensions' : group}.istio.io` })
      )['spec'];
      const version: string = info.versions.find((one: { storage: boolean }) => one.storage).name;
      const answer = await harness.fetch(
        'POST',
        `/apis/${group}.istio.io/${version}/namespaces/default/${resource}?dryRun=All&fieldValidation=Strict`,
        {
          body: { apiVersion: `${group}.istio.io/${version}`, kind, metadata: { name: 'x' }, spec },
        },
      );
      if (pattern === undefined) assert.equal(answer.code, 201, answer.text);
      else {
        assert.equal(answer.code, 422, answer.text);
        assert.match(answer.json.message, pattern);
      }
    });
  }
});
