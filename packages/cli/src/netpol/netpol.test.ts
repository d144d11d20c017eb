import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  analyzeConnectivity,
  analyzeExposure,
  compilePolicies,
  diffConnectivity,
  findPolicyFault,
  listConnectivity,
  readManifests,
} from '@palisade/netpol';
import Ajv, { type ValidateFunction } from 'ajv';
import { renderDiff } from './diff.ts';
import { findEnd } from './ends.ts';
import { renderExposure } from './exposure.ts';
import { lintSource } from './lint-report.ts';
import { listFormats } from './list.ts';
import { dnsAddresses, yamlOf } from './live.ts';
import { renderTemplate, templates } from './new.ts';
import { quarantineName, quarantinePolicies } from './quarantine-plan.ts';
import { renderSarif } from './sarif.ts';
import { type PolicySource, sourceOfFiles } from './source.ts';
import { explainFlow } from './why.ts';

/** Against the schema of OASIS, as a package that checks SARIF carries it. */
function sarifValidator(): ValidateFunction {
  const require = createRequire(import.meta.url);
  const ajv = new Ajv({ schemaId: 'auto', meta: false, validateSchema: false, unknownFormats: 'ignore', logger: false });
  ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-04.json'));
  return ajv.compile(require('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'));
}

const manifests = `apiVersion: apps/v1
kind: Deployment
metadata: { name: db }
spec:
  template:
    metadata: { labels: { app: db } }
    spec: { containers: [{ name: c, ports: [{ name: sql, containerPort: 5432 }] }] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { selector: { app: db }, ports: [{ port: 80, targetPort: sql }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: db }
spec:
  podSelector: { matchLabels: { app: db } }
  ingress:
    - from: [{ podSelector: { matchLabels: { app: web } } }]
      ports: [{ port: 80 }]
`;

describe('palisade netpol on files', () => {
  let folder: string;
  let source: PolicySource;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'palisade-netpol-'));
    writeFileSync(join(folder, 'all.yaml'), manifests);
    writeFileSync(join(folder, 'notes.txt'), 'no: [manifest');
    source = sourceOfFiles([folder]);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const line = (number: number) => `${folder}/all.yaml:${number}`;

  const ends: readonly (readonly [text: string, pod: string])[] = [
    ['web', 'default/web'],
    ['default/web', 'default/web'],
    ['pod/web', 'default/web'],
    ['db', 'default/db'],
    ['deployment/db', 'default/db'],
    ['default/deploy/db', 'default/db'],
    ['svc/db', 'default/db'],
  ];
  for (const [text, pod] of ends) it(`finds ${text}`, () => assert.deepEqual(findEnd(source, text, 'default').ends, [{ pod }]));
  it('finds an address', () => assert.deepEqual(findEnd(source, '2001:db8::1', 'default').ends, [{ ip: '2001:db8::1' }]));
  for (const text of ['nobody', 'other/web', 'deployment/web', 'a/b/c', 'svc/none', ''])
    it(`refuses "${text}"`, () => assert.throws(() => findEnd(source, text, 'default'), /Cannot (find|understand)/));
  it("asks about a Service's port where policies see it", () => {
    assert.equal(findEnd(source, 'svc/db', 'default').targetPort(80, 'TCP'), 5432);
    assert.throws(() => findEnd(source, 'svc/db', 'default').targetPort(81, 'TCP'), /has TCP 80/);
  });

  it('lint: the port of a Service, with line, patch and SARIF', () => {
    const [report, ...others] = lintSource(source);
    assert.deepEqual(others, []);
    assert.equal(report?.rule, 'service-port');
    assert.equal(report?.line, line(25));
    assert.deepEqual(report?.patch, [{ op: 'replace', path: '/spec/ingress/0/ports/0/port', value: 5432 }]);
    const sarif = renderSarif([report!]) as {
      runs: { results: { ruleIndex: number; locations: object[]; fixes: object[] }[]; tool: { driver: { rules: { id: string }[] } } }[];
    };
    const { results, tool } = sarif.runs[0]!;
    assert.equal(tool.driver.rules[results[0]!.ruleIndex]!.id, 'service-port');
    assert.match(JSON.stringify(results[0]!.locations), /"startLine":25/);
    const [{ artifactChanges }] = results[0]!.fixes as [{ artifactChanges: { replacements: object[] }[] }];
    assert.deepEqual(artifactChanges[0]!.replacements, [
      {
        deletedRegion: { startLine: 25, startColumn: 1, endLine: 26, endColumn: 1 },
        insertedContent: { text: '      ports: [{port: 5432}]\n' },
      },
    ]);
    const validate = sarifValidator();
    assert.ok(validate(sarif), JSON.stringify(validate.errors));
    assert.equal(validate({ ...sarif, version: 2 }), false);
  });

  it('list in each form', () => {
    const rows = listConnectivity(analyzeConnectivity(source.compiled, [4])).filter((row) => !row.outside);
    assert.equal(
      listFormats['text']!(rows),
      'default/db[Deployment] => default/web[Pod] : All Connections\ndefault/web[Pod] => default/db[Deployment] : TCP 80\n',
    );
    assert.equal(listFormats['csv']!(rows).split('\n')[2], 'default/web[Pod],default/db[Deployment],TCP 80');
    assert.match(listFormats['dot']!(rows), / {2}"default\/web\[Pod\]" -> "default\/db\[Deployment\]" \[label="TCP 80"\]\n/);
    assert.deepEqual(JSON.parse(listFormats['json']!(rows))[1], {
      source: 'default/web[Pod]',
      destination: 'default/db[Deployment]',
      connections: 'TCP 80',
    });
  });

  it('exposure: pods that do not exist yet', () => {
    assert.equal(
      renderExposure(analyzeExposure(source.compiled)),
      'default/db[Deployment] => any pod : All Connections\ndefault/web[Pod] => any pod : All Connections\ndefault/web[Pod] <= any pod : All Connections\n\n' +
        'default/db[Deployment] is not protected on egress\ndefault/web[Pod] is not protected on egress\ndefault/web[Pod] is not protected on ingress\n',
    );
  });

  it('diff', () => {
    const open = compilePolicies({ ...source.snapshot, networkPolicies: [] });
    const rows = [source.compiled, open].map((compiled) => listConnectivity(analyzeConnectivity(compiled, [4])));
    assert.equal(
      renderDiff(diffConnectivity(rows[0]!, rows[1]!)),
      '+ 0.0.0.0-255.255.255.255 => default/db[Deployment] : All Connections\n~ default/web[Pod] => default/db[Deployment] : TCP 80 -> All Connections\n',
    );
  });

  it('why: the record, each end, what is missing, the lines', () => {
    const text = explainFlow(source, {
      time: '2026-01-01T00:00:00.000Z',
      reporter: 'node/a',
      verdict: 'DROPPED',
      reason: 'no NetworkPolicy allows it',
      source: { namespace: 'default', pod: 'web' },
      destination: { namespace: 'default', pod: 'db', port: 5432 },
      body: { type: 'l4', protocol: 'TCP' },
    });
    assert.match(text, /the packet goes to TCP 5432, the rule is for TCP 80/);
    assert.ok(text.includes(line(22)), text);
    assert.match(text, />\s+22 \| {3}podSelector/);
  });
});

describe('what is read from a cluster', () => {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'kube-system', name: 'kube-dns' },
    spec: { clusterIPs: ['10.96.0.10'] },
  };
  const endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: service.metadata,
    subsets: [{ addresses: [{ ip: '169.254.20.10' }] }],
  };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'kube-system', name: 'x', labels: { 'k8s-app': 'kube-dns' } } };
  it('a DNS that is no pod has the addresses of its Service', () => {
    assert.deepEqual(dnsAddresses([service, endpoints]), ['10.96.0.10', '169.254.20.10']);
    assert.deepEqual(dnsAddresses([service, endpoints, pod]), []);
  });
  it("a policy's own YAML leaves out what the server keeps", () => {
    const metadata = { name: 'p', namespace: 'd', uid: 'u', managedFields: [{}] };
    const { name, text } = yamlOf({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec: { podSelector: {} } });
    assert.equal(name, 'NetworkPolicy/d/p');
    assert.equal(
      text,
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  namespace: d\nspec:\n  podSelector: {}\n',
    );
  });
});

describe('quarantine', () => {
  const target = { kind: 'Pod', namespace: 'default', name: 'web' } as const;
  const options = { keepDns: true, by: 'ada', at: new Date(0) };
  it('makes policies the compiler takes, with who and when', () => {
    for (const keepDns of [true, false]) {
      for (const policy of quarantinePolicies(target, { ...options, keepDns })) {
        assert.equal(findPolicyFault(policy), undefined);
        assert.equal(policy.metadata.annotations?.['palisade.dev/quarantined-by'], 'ada');
        assert.equal(policy.metadata.annotations?.['palisade.dev/quarantined-at'], '1970-01-01T00:00:00.000Z');
      }
    }
  });
  it('long names are cut and stay different', () => {
    const long = (end: string) => quarantineName({ ...target, name: `${'x'.repeat(200)}${end}` });
    assert.ok(long('a').length <= 63);
    assert.notEqual(long('a'), long('b'));
    const dotted = quarantineName({ ...target, name: `${'x'.repeat(26)}.${'y'.repeat(30)}` });
    assert.match(dotted, /^quarantine-pod-default\.x{26}-[0-9a-f]{12}$/);
  });
  it('no two targets share a name', () => {
    assert.equal(quarantineName({ ...target, name: 'web.1' }), 'quarantine-pod-default.web.1');
    const name = (namespace: string, pod: string) => quarantineName({ kind: 'Pod', namespace, name: pod });
    assert.notEqual(name('shop', 'eu-web'), name('shop-eu', 'web'));
    assert.notEqual(name('shop', 'web.1'), name('shop', 'web-1'));
  });
});

describe('templates', () => {
  for (const name of Object.keys(templates)) {
    it(`${name}: every document is a policy that is taken`, () => {
      const { objects } = readManifests([{ name, text: renderTemplate(name, 'shop') }]);
      assert.ok(objects.length > 0);
      for (const object of objects) assert.equal(findPolicyFault(object), undefined);
    });
  }
  it('examples/pci is the template', () => {
    const file = new URL('../../../../examples/pci/policies.yaml', import.meta.url);
    assert.equal(readFileSync(file, 'utf8'), renderTemplate('pci', 'default'));
  });
  it('the zones of examples/pci: only the gateway reaches cardholders, on one port', () => {
    const { compiled } = sourceOfFiles([new URL('../../../../examples/pci', import.meta.url).pathname]);
    const rows = listConnectivity(analyzeConnectivity(compiled, [4])).filter(({ destination }) => destination.startsWith('cardholder/'));
    const text = listFormats['text']!(rows.filter(({ source: from }) => !from.startsWith('cardholder/')));
    assert.equal(
      text,
      'customer/payment-gateway[Pod] => cardholder/tokens[Pod] : TCP 8443\ncustomer/payment-gateway[Pod] => cardholder/vault[Pod] : TCP 8443\n',
    );
  });
  it('takes values and refuses what would change the YAML', () => {
    assert.match(renderTemplate('egress-allow-list', 'shop', ['cidr=192.0.2.0/28']), /cidr: 192\.0\.2\.0\/28/);
    for (const setting of ['cidr=a: b', 'cidr=', 'other=1', 'cidr'])
      assert.throws(() => renderTemplate('egress-allow-list', 'shop', [setting]), /Cannot use/);
    assert.throws(() => renderTemplate('toString', 'shop'), /Unknown template/);
  });
});
