// Builds src/schema/generated/schemas.ndjson, the one table this package decides with. Run by hand when the Kubernetes release changes:
//
//   node packages/kubernetes/scripts/generate-schemas.mjs [conformance/kubernetes folder] [Go module cache]
//
// Inputs: the recorded OpenAPI v3 documents (openapi.tgz), discovery answers, table columns, and the Go modules k8s.io/{api,apimachinery,
// apiextensions-apiserver,kube-aggregator} (`go mod download`): generated.proto for wire numbers, struct declarations for what OpenAPI
// does not say (pointer, omitempty, Go type names, which the server's own decoding errors print). Prose is left behind.
//
// Output, one JSON value a line: first the header {version, resources, tables}, then one definition a line:
//   {n: name, k?: [[group, version, kind]...], m?: map type, p?: primitive schema, f?: {field: [type, proto, flags, extras?]}}
// type: s string, i32, i64, b bool, d double, y bytes, q Quantity, t Time, u MicroTime, D Duration, o IntOrString, x any object,
//       j any JSON value, @name another definition, []T list, {}T map of strings to T
// proto: field number, or [outer, inner] when Go embeds the struct (JSON inlines it, protobuf nests it)
// flags: 1 required in OpenAPI, 2 Go pointer, 4 omitempty, 8 omitzero, 16 protobuf wraps the list in a message {repeated items = 1}
// extras: d default, e enum, k merge key, s patch strategy, l list type, lk list map keys, m map type, g Go type when not derivable, ie enum of the elements,
//         r named definition of a free-form field, or of the elements of a list or map of such
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dataDir = resolve(process.argv[2] ?? join(here, '../../../../shared/conformance/kubernetes'));
const goModCache = process.argv[3] ?? execFileSync('go', ['env', 'GOMODCACHE'], { encoding: 'utf8' }).trim();
const goVersion = 'v0.34.4';
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

// --- OpenAPI v3 component schemas of every group version, without the sample custom resource
const scratch = mkdtempSync(join(tmpdir(), 'palisade-openapi-'));
execFileSync('tar', ['xzf', join(dataDir, 'openapi.tgz'), '-C', scratch]);
const oa = join(scratch, 'oa');
const schemas = {};
for (const file of readdirSync(oa).sort()) {
  if (!/^apis?__/.test(file) || file.includes('example.com')) continue;
  Object.assign(schemas, readJson(join(oa, file)).components?.schemas);
}
rmSync(scratch, { recursive: true });
const patchFacts = readJson(join(dataDir, 'patch-merge-keys.json'));

// --- Go declarations
/** io.k8s.api.core.v1.Pod -> [folder of the Go package, Pod] */
function goPackage(name) {
  const parts = name.split('.');
  const type = parts.pop();
  const modules = {
    'io.k8s.api.': 'api',
    'io.k8s.apimachinery.': 'apimachinery',
    'io.k8s.apiextensions-apiserver.': 'apiextensions-apiserver',
    'io.k8s.kube-aggregator.': 'kube-aggregator',
  };
  for (const [prefix, module] of Object.entries(modules)) {
    if (name.startsWith(prefix))
      return [join(goModCache, 'k8s.io', `${module}@${goVersion}`, ...name.slice(prefix.length).split('.').slice(0, -1)), type];
  }
  throw new Error(`no Go module known for definition ${name}`);
}

const packages = new Map();
function loadPackage(folder) {
  let found = packages.get(folder);
  if (found) return found;
  found = { structs: new Map(), aliases: new Map(), messages: new Map() };
  packages.set(folder, found);
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.go') || file.endsWith('_test.go') || /generated/.test(file)) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    for (const [, name, body] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
      const fields = [];
      for (const line of body.split('\n')) {
        const m = /^\t(?:(\w+)\s+)?(\S+)\s+`([^`]*)`/.exec(line);
        if (!m) continue;
        const json = /json:"([^"]*)"/.exec(m[3])?.[1];
        if (json === undefined) continue;
        const [jsonName, ...options] = json.split(',');
        fields.push({ type: m[2], json: jsonName, options, proto: Number(/protobuf:"[^",]+,(\d+)/.exec(m[3])?.[1] ?? 0) });
      }
      found.structs.set(name, fields);
    }
    for (const [, name, target] of text.matchAll(/^type (\w+) ((?:\[\]|map\[string\])?\w+)\s*(?:\/\/.*)?$/gm))
      found.aliases.set(name, target);
  }
  const proto = join(folder, 'generated.proto');
  if (existsSync(proto)) {
    for (const [, name, body] of readFileSync(proto, 'utf8').matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)) {
      const fields = new Map();
      for (const [, type, field, number] of body.matchAll(
        /^ {2}(?:optional|repeated|required)?\s*((?:map<[^>]+>)|[\w.]+)\s+(\w+) = (\d+)/gm,
      ))
        fields.set(field, { type, number: Number(number) });
      found.messages.set(name, fields);
    }
  }
  return found;
}

/** Every JSON field of a Go struct in declaration order: {json, type, options, proto}; embedded structs are flattened. */
function goFields(folder, type) {
  const pkg = loadPackage(folder);
  const own = pkg.structs.get(type);
  if (!own) return undefined;
  const out = [];
  for (const field of own) {
    if (!field.options.includes('inline')) {
      if (field.json !== '-' && field.json !== '') out.push(field);
      continue;
    }
    const embedded = field.type.replace(/^\*/, '');
    if (embedded.includes('.') && /TypeMeta$/.test(embedded)) continue;
    if (embedded === 'TypeMeta') {
      out.push(
        { json: 'kind', type: 'string', options: ['omitempty'], proto: 0 },
        { json: 'apiVersion', type: 'string', options: ['omitempty'], proto: 0 },
      );
      continue;
    }
    const base = embedded.includes('.') ? undefined : goFields(folder, embedded);
    if (!base) throw new Error(`embedded ${embedded} of ${type} not found in ${folder}`);
    for (const f of base) out.push({ ...f, proto: field.proto ? [field.proto, f.proto] : f.proto });
  }
  return out;
}

const primitives = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'q',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'x',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': 'x',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'u',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 't',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'x',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'o',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'j',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': 'j',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': 'j',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': 'j',
};

function typeCode(schema, goType) {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (ref) {
    const name = ref.slice('#/components/schemas/'.length);
    return primitives[name] ?? `@${name}`;
  }
  if (schema.type === 'array') return `[]${typeCode(schema.items, '')}`;
  if (schema.type === 'object') {
    if (schema.additionalProperties) return `{}${typeCode(schema.additionalProperties, '')}`;
    return 'x';
  }
  if (schema.type === 'integer') return schema.format === 'int64' ? 'i64' : 'i32';
  if (schema.type === 'boolean') return 'b';
  if (schema.type === 'number') return 'd';
  if (schema.type === 'string') {
    if (schema.format === 'byte') return 'y';
    if (/Duration$/.test(goType)) return 'D';
    return 's';
  }
  throw new Error(`no type code for ${JSON.stringify(schema)}`);
}

const plainGo = { s: 'string', i32: 'int32', i64: 'int64', b: 'bool', d: 'float64' };
const stats = { fields: 0, protoMissing: [], goMissing: [] };

function fieldRow(name, fieldName, schema, required, go, folder, type) {
  stats.fields++;
  const goType = go?.type.replace(/^\*/, '') ?? '';
  const code = typeCode(schema, goType);
  const pkg = loadPackage(folder);
  let flags = required ? 1 : 0;
  if (go?.type.startsWith('*')) flags |= 2;
  if (go?.options.includes('omitempty')) flags |= 4;
  if (go?.options.includes('omitzero')) flags |= 8;
  const alias = pkg.aliases.get(goType);
  if (alias?.startsWith('[]') && pkg.messages.has(goType)) flags |= 16;
  let proto = go?.proto ?? 0;
  if (typeof proto === 'number') {
    // generated.proto is the authority; the struct tag must agree
    const declared = pkg.messages.get(type)?.get(fieldName)?.number;
    if (declared !== undefined && proto !== 0 && declared !== proto)
      throw new Error(`${name}.${fieldName}: generated.proto says ${declared}, Go tag says ${proto}`);
    proto = declared ?? proto;
  }
  if (proto === 0 && !['kind', 'apiVersion'].includes(fieldName)) stats.protoMissing.push(`${name}.${fieldName}`);
  const extras = {};
  const facts = patchFacts[name]?.[fieldName] ?? {};
  if (schema.default !== undefined) extras.d = schema.default;
  if (schema.enum) extras.e = schema.enum;
  const elementEnum = schema.items?.enum ?? schema.additionalProperties?.enum;
  if (elementEnum) extras.ie = elementEnum;
  const element = schema.items ?? schema.additionalProperties;
  const isFreeElement = /^(\[\]|\{\})[xj]$/.test(code);
  const { allOf, $ref } = isFreeElement ? element : schema;
  const ref = allOf?.[0]?.$ref ?? $ref;
  if (ref && (isFreeElement || code === 'x' || code === 'j')) extras.r = ref.slice('#/components/schemas/'.length);
  if (facts.patchMergeKey) extras.k = facts.patchMergeKey;
  if (facts.patchStrategy) extras.s = facts.patchStrategy;
  if (facts.listType) extras.l = facts.listType;
  if (facts.listMapKeys) extras.lk = facts.listMapKeys;
  if (facts.mapType ?? schema['x-kubernetes-map-type']) extras.m = facts.mapType ?? schema['x-kubernetes-map-type'];
  if (goType && !goType.includes('.') && !/^[[m]/.test(goType) && plainGo[code] && goType !== plainGo[code])
    extras.g = `${folder.split('/').pop()}.${goType}`;
  const row = [code, proto, flags];
  if (Object.keys(extras).length > 0) row.push(extras);
  return row;
}

const lines = [];
for (const name of Object.keys(schemas).sort()) {
  const schema = schemas[name];
  const line = { n: name };
  const kinds = schema['x-kubernetes-group-version-kind'];
  if (kinds) line.k = kinds.map((k) => [k.group, k.version, k.kind]);
  if (schema['x-kubernetes-map-type']) line.m = schema['x-kubernetes-map-type'];
  if (primitives[name]) {
    const { description, ...rest } = schema;
    line.p = rest;
  } else if (schema.properties) {
    const [folder, type] = goPackage(name);
    const go = goFields(folder, type);
    if (!go) stats.goMissing.push(name);
    const order = (go ?? []).map((f) => f.json);
    const names = Object.keys(schema.properties).sort((a, b) => order.indexOf(a) - order.indexOf(b));
    line.f = {};
    for (const f of names)
      line.f[f] = fieldRow(
        name,
        f,
        schema.properties[f],
        schema.required?.includes(f) === true,
        go?.find((x) => x.json === f),
        folder,
        type,
      );
  } else if (!kinds) line.p = { type: schema.type };
  lines.push(line);
}

// --- discovery and table columns
const resources = [];
for (const file of ['api.json', 'apis.json']) {
  for (const group of readJson(join(dataDir, 'discovery', file)).items) {
    const groupName = group.metadata.name ?? '';
    if (groupName === 'example.com') continue;
    for (const version of group.versions) {
      for (const r of version.resources) {
        resources.push({
          group: groupName,
          version: version.version,
          resource: r.resource,
          singular: r.singularResource,
          kind: r.responseKind.kind,
          ...(r.responseKind.group ? { kindGroup: r.responseKind.group, kindVersion: r.responseKind.version } : {}),
          namespaced: r.scope === 'Namespaced',
          verbs: r.verbs,
          shortNames: r.shortNames ?? [],
          categories: r.categories ?? [],
          subresources: (r.subresources ?? []).map((s) => ({
            name: s.subresource,
            kind: [s.responseKind.group, s.responseKind.version, s.responseKind.kind],
            verbs: s.verbs,
          })),
        });
      }
    }
  }
}
const tables = {};
for (const [key, table] of Object.entries(readJson(join(dataDir, 'table-columns.json')))) {
  if (key.startsWith('example.com/')) continue;
  tables[key] = table.columns.map((c) => [c.name, c.type, c.format, c.priority]);
}

const out = [JSON.stringify({ version: '1.34', resources, tables }), ...lines.map((l) => JSON.stringify(l))].join('\n');
const target = join(here, '../src/schema/generated/schemas.ndjson');
writeFileSync(target, `${out}\n`);
console.log(
  `${lines.length} definitions, ${stats.fields} fields, ${resources.length} resources, ${Object.keys(tables).length} tables, ${out.length} bytes -> ${target}`,
);
console.log(`no protobuf number: ${stats.protoMissing.length}`, stats.protoMissing.join(' ').slice(0, 1500));
console.log(`no Go struct: ${stats.goMissing.length}`, stats.goMissing.join(' '));
