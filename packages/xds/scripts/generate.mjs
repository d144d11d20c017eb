// Envoy's API as TypeScript, generated from the .proto files that ship inside @grpc/grpc-js-xds. Not committed: 8 s at set-up.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const output = fileURLToPath(new URL('../src/generated', import.meta.url));
const protos = join(root, 'node_modules/@grpc/grpc-js-xds/deps');

/** What the mesh compiles to, what travels, and what the proxy reads; their imports come along. */
const paths = [
  'envoy/config/bootstrap/v3',
  'envoy/config/cluster/v3',
  'envoy/config/endpoint/v3',
  'envoy/config/listener/v3',
  'envoy/config/rbac/v3',
  'envoy/config/route/v3',
  'envoy/data/accesslog/v3',
  'envoy/extensions/access_loggers/file/v3',
  'envoy/extensions/access_loggers/grpc/v3',
  'envoy/extensions/filters/common/fault/v3',
  'envoy/extensions/filters/http/ext_authz/v3',
  'envoy/extensions/filters/http/ext_proc/v3',
  'envoy/extensions/filters/http/jwt_authn/v3',
  'envoy/extensions/filters/http/rbac/v3',
  'envoy/extensions/filters/http/router/v3',
  'envoy/extensions/filters/listener/http_inspector/v3',
  'envoy/extensions/filters/listener/original_dst/v3',
  'envoy/extensions/filters/listener/tls_inspector/v3',
  'envoy/extensions/filters/network/ext_authz/v3',
  'envoy/extensions/filters/network/http_connection_manager/v3',
  'envoy/extensions/filters/network/rbac/v3',
  'envoy/extensions/filters/network/tcp_proxy/v3',
  'envoy/extensions/path/match/uri_template/v3',
  'envoy/extensions/transport_sockets/raw_buffer/v3',
  'envoy/extensions/transport_sockets/tls/v3',
  'envoy/extensions/upstreams/http/v3',
  'envoy/service/accesslog/v3',
  'envoy/service/auth/v3',
  'envoy/service/discovery/v3',
  'envoy/service/ext_proc/v3',
  'envoy/service/secret/v3',
  'envoy/type/matcher/v3',
];

export async function generate(say) {
  const version = JSON.parse(readFileSync(join(root, 'node_modules/@grpc/grpc-js-xds/package.json'), 'utf8')).version;
  const wanted = createHash('sha256')
    .update(`${version}\n${readFileSync(fileURLToPath(import.meta.url))}`)
    .digest('hex');
  const stamp = join(output, '.stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('setup: generating Envoy API types …');
  const scratch = mkdtempSync(join(tmpdir(), 'palisade-xds-'));
  try {
    for (const folder of ['envoy-api', 'xds', 'protoc-gen-validate', 'googleapis'])
      cpSync(join(protos, folder), join(scratch, 'proto'), { recursive: true });
    rmSync(join(scratch, 'proto/tests'), { recursive: true, force: true });
    addIgnoreEmpty(join(scratch, 'proto/validate/validate.proto'));
    writeFileSync(join(scratch, 'buf.yaml'), 'version: v2\nmodules:\n  - path: proto\n');
    writeFileSync(
      join(scratch, 'buf.gen.yaml'),
      `version: v2\nplugins:\n  - local: [${JSON.stringify(process.execPath)}, ${JSON.stringify(join(root, 'node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es'))}]\n    out: out\n    include_imports: true\n    opt: [target=js+dts, import_extension=js]\n`,
    );
    const arguments_ = ['generate', ...paths.flatMap((path) => ['--path', join('proto', path)])];
    const buf = spawnSync(join(root, 'node_modules/.bin/buf'), arguments_, { cwd: scratch, encoding: 'utf8' });
    if (buf.status !== 0) throw new Error(`setup: cannot generate Envoy API types: ${buf.stderr || buf.error?.message}`);
    writeFileSync(join(scratch, 'out', '.stamp'), wanted);
    rmSync(output, { recursive: true, force: true });
    moveFolder(join(scratch, 'out'), output);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Envoy's files use StringRules.ignore_empty, which this copy of validate.proto is too old to have. */
function addIgnoreEmpty(file) {
  const text = readFileSync(file, 'utf8');
  const start = text.indexOf('message StringRules');
  if (/ignore_empty/.test(text.slice(start, text.indexOf('\nmessage ', start + 1)))) return;
  const patched = text.replace(/(message StringRules \{)/, '$1\n  optional bool ignore_empty = 26;');
  writeFileSync(file, patched);
}

function moveFolder(from, to) {
  try {
    renameSync(from, to);
  } catch {
    cpSync(from, to, { recursive: true });
  }
}
