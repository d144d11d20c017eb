import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { auditEntry } from '../adapters/audit/entry.ts';
import { renderAuditJson } from '../adapters/audit/json.ts';
import { loadEngine } from '../adapters/files.ts';
import { proposeExclusion } from './allow.ts';
import { readCurlArguments } from './curl-arguments.ts';
import { explainRequest } from './explain.ts';
import { lintFiles } from './lint.ts';
import { main } from './main.ts';

const rules = `
SecRuleEngine On
SecRequestBodyAccess On
SecRule ARGS "@contains union select" "id:942100,phase:2,pass,log,auditlog,t:urlDecodeUni,t:lowercase,t:compressWhitespace,msg:'SQL',logdata:'%{MATCHED_VAR}',setvar:tx.anomaly_score=+5"
SecRule REQUEST_URI_RAW "@contains evil" "id:920100,phase:1,pass,log,auditlog,msg:'URI',setvar:tx.anomaly_score=+5"
SecRule TX:anomaly_score "@ge 5" "id:949110,phase:2,deny,status:403,log,auditlog,msg:'Score %{tx.anomaly_score}'"
`;
const noFiles = (name: string): string => assert.fail(`reads ${name}`);

test('curl’s arguments become a request; what is not known is refused', () => {
  const rows: [string[], string, string, string][] = [
    [['http://shop.test/a?b=c#d'], 'GET', '/a?b=c', ''],
    [['shop.test'], 'GET', '/', ''],
    [['-d', 'a=1', '-d', 'b=2', 'http://x/p'], 'POST', '/p', 'a=1&b=2'],
    [['-G', '-d', 'a=1', 'http://x/p?q'], 'GET', '/p?q&a=1', ''],
    [['--data-urlencode', 'a=b c&', 'http://x/'], 'POST', '/', 'a=b%20c%26'],
    [['-X', 'PUT', '--json', '{"é":1}', 'http://x/'], 'PUT', '/', '{"Ã©":1}'],
    [['-d', '@f', 'http://x/'], 'POST', '/', 'ab'],
    [['-I', 'http://x//%2e/'], 'HEAD', '//%2e/', ''],
  ];
  for (const [args, method, uri, body] of rows) {
    const request = readCurlArguments(args, () => 'a\nb');
    assert.deepEqual([request.head.method, request.head.uri, request.body], [method, uri, body], args.join(' '));
  }
  const headers = readCurlArguments(['-H', 'host: a.test', '-b', 's=1', '--json', '{}', 'http://x/'], noFiles).head.headers;
  assert.deepEqual(
    ['host', 'cookie', 'content-type', 'content-length'].map((name) => headers.filter((header) => header[0].toLowerCase() === name)),
    [[['host', 'a.test']], [['Cookie', 's=1']], [['Content-Type', 'application/json']], [['Content-Length', '2']]],
  );
  for (const args of [['--proxy', 'x', 'http://x/'], [], ['http://a/', 'http://b/'], ['-H', 'bad', 'http://x/'], ['http://x/', '-d']])
    assert.throws(() => readCurlArguments(args, noFiles), /Unknown option|No URL|One URL|Cannot use header|needs a value/, args.join(' '));
});

test('an explanation names rule, variable, each transformation, score and verdict', () => {
  const engine = loadEngine({ before: rules });
  const blocked = explainRequest(engine, readCurlArguments(['http://x/?q=UNION++%2553ELECT'], noFiles));
  assert.equal(blocked.isBlocked, true);
  assert.match(blocked.text, /^GET \/\?q=UNION\+\+%2553ELECT is blocked: deny 403 in phase 2 by rule 949110: Score 5\n/);
  assert.match(
    blocked.text,
    / {2}ARGS:q\n {4}as received: "UNION {2}%53ELECT"\n {4}t:urlDecodeUni: "UNION {2}SELECT"\n {4}t:lowercase: "union {2}select"\n {4}t:compressWhitespace: "union select"\n/,
  );
  assert.match(blocked.text, /\nscores\n {2}anomaly_score = 5\n$/);
  const passed = explainRequest(engine, readCurlArguments(['http://x/?q=hello'], noFiles));
  assert.deepEqual([passed.isBlocked, passed.text], [false, 'GET /?q=hello passes\n']);
});

test('lint says what is wrong where, and what a good file holds', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waf-lint-'));
  try {
    const file = join(folder, 'a.conf');
    writeFileSync(file, '\nSecRule REMOTE_ADDR "@ipMatch 10.0.0.0/33" "id:1,phase:1,deny"\n');
    const bad = lintFiles([file]);
    assert.equal(bad.isRefused, true);
    assert.match(bad.text, /a\.conf:2: .*10\.0\.0\.0\/33.*\[bad-argument\]\n$/);
    writeFileSync(file, 'SecRule REMOTE_ADDR "@ipMatch 10.0.0.0/8" "id:1,phase:1,deny,chain"\nSecRule ARGS "a"\n');
    assert.deepEqual(lintFiles([file]), { isRefused: false, text: '1 rules (2 with chained ones), 0 notes: fine\n' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The audit log's entry for a GET of `uri`. */
function logged(uri: string): string {
  const connection = { clientAddress: '192.0.2.1', clientPort: 1, serverAddress: '127.0.0.1', serverPort: 80 };
  const transaction = loadEngine({ before: `SecAuditEngine On\nSecAuditLogParts ABHZ\n${rules}` }).transaction({
    id: 'x',
    now: () => 0,
    connection,
  });
  transaction.requestHeaders({ method: 'GET', uri, protocol: 'HTTP/1.1', headers: [['Host', 'x']] });
  transaction.requestBody();
  return renderAuditJson(auditEntry(transaction.finish())!);
}

test('a proposed exclusion lets exactly that request pass', () => {
  const { text, unexplained } = proposeExclusion(logged('/search?q=union+select+me'), 1000);
  assert.deepEqual(unexplained, []);
  const excused = loadEngine({ before: text, after: rules });
  const isBlocked = (url: string) => explainRequest(excused, readCurlArguments([url], noFiles)).isBlocked;
  assert.equal(isBlocked('http://x/search?q=union+select+me'), false);
  // Another parameter, another path, and with the rules alone (control).
  assert.equal(isBlocked('http://x/search?p=union+select+me'), true);
  assert.equal(isBlocked('http://x/other?q=union+select+me'), true);
  assert.equal(
    explainRequest(loadEngine({ before: rules }), readCurlArguments(['http://x/search?q=union+select'], noFiles)).isBlocked,
    true,
  );
});

test('an exclusion never switches a whole rule off, and never carries text of the attacker into a rule', () => {
  assert.throws(() => proposeExclusion(logged('/evil'), 1000), /Rules 920100 matched the request as a whole/);
  assert.deepEqual(proposeExclusion(logged('/evil?q=union+select'), 1000).unexplained, [920_100]);
  for (const uri of ['/a%22?q=union+select', "/a'?q=union+select", '/a,b?q=union+select', '/a?q%22=union+select'])
    assert.throws(() => proposeExclusion(logged(uri), 1000), /by hand|as a whole/, uri);
  for (const line of ['', 'x', '{}', 'null']) assert.throws(() => proposeExclusion(line, 1000), /Cannot read/);
  assert.throws(() => proposeExclusion(logged('/fine'), 1000), /names no rule/);
});

test('help, and mistakes that say what is wanted', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'waf-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  let said = '';
  const run = async (...args: string[]): Promise<string> => {
    said = '';
    const writes = [process.stdout, process.stderr].map((stream) =>
      t.mock.method(stream, 'write', (text: string) => {
        said += text;
        return true;
      }),
    );
    const code = await main(args);
    for (const write of writes) write.mock.restore();
    return `${code} ${said}`;
  };
  for (const command of ['proxy', 'test', 'lint', 'allow']) assert.match(await run(command, '--help'), /^0 palisade-waf: SecLang/, command);
  assert.match(
    await run('lint', folder),
    /^1 palisade-waf lint: ".*" is a folder: wanted rule files, as in `palisade-waf lint .*\/\*\.conf`/,
  );
  assert.match(await run('lint', join(folder, 'no.conf')), /^1 .*Cannot find ".*no\.conf": wanted rule files/);
  assert.match(await run('lint', '--strict', folder), /^2 palisade-waf lint: Unknown option '--strict'/);
  assert.match(await run('allow', join(folder, 'no.log')), /^1 .*Cannot read .*no\.log: ENOENT.*wanted a JSON audit log/);
  assert.match(await run('test', '--rules', folder, 'http://x/'), /^1 .*Cannot find the Core Rule Set in .*--rules FOLDER/);
  assert.match(await run('bogus'), /^2 Unknown command "bogus"/);
});
