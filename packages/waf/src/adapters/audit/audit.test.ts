import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { engineOf, runRequest } from '../../engine/testing.ts';
import type { TransactionResult } from '../../engine/transaction/transaction.ts';
import { diskUploads } from '../uploads.ts';
import { auditEntry } from './entry.ts';
import { openAuditLog, renderAudit } from './log.ts';

const connection = { clientAddress: '192.0.2.1', clientPort: 40_000, serverAddress: '192.0.2.2', serverPort: 80 };
const boundary = 'b';
const upload = [
  '--b',
  'Content-Disposition: form-data; name="user"',
  '',
  'ann',
  '--b',
  'Content-Disposition: form-data; name="password"',
  '',
  'hunter22',
  '--b',
  'Content-Disposition: form-data; name="doc"; filename="a.txt"',
  '',
  '12345',
  '--b--',
  '',
].join('\r\n');

interface Sent {
  readonly uri?: string;
  readonly type?: string;
  readonly body?: string;
}

function run(rules: string, { uri = '/', type = 'text/plain', body = '' }: Sent): TransactionResult {
  const engine = engineOf(`SecAuditEngine On\nSecSensorId sensor-1\nSecComponentSignature TEST/1\n${rules}`, { uploads: diskUploads });
  const transaction = engine.transaction({ id: 'id-1', now: () => Date.UTC(2026, 10, 22, 4, 3, 44, 786), connection });
  const headers: [string, string][] = [
    ['Host', 'shop.test'],
    ['Cookie', 'sid=topsecret'],
    ['X-Internal', 'inside'],
    ['Content-Type', type],
  ];
  transaction.requestHeaders({ method: 'POST', uri, protocol: 'HTTP/1.1', headers });
  transaction.requestBodyChunk(Buffer.from(body, 'latin1'));
  transaction.requestBody();
  transaction.responseHeaders({
    status: 200,
    protocol: 'HTTP/1.1',
    headers: [
      ['Content-Type', 'text/html'],
      ['Set-Cookie', 'sid=topsecret'],
    ],
  });
  transaction.responseBodyChunk(Buffer.from('<p>hello</p>'));
  transaction.responseBody();
  return transaction.finish();
}

const every = 'SecAuditLogParts ABCDEFGHIJKZ';
const rule = `SecRule ARGS:user "@streq ann" "id:7,phase:2,pass,t:none,log,auditlog,msg:'Ann, again',chain"\nSecRule ARGS:user "@rx ^a"`;

describe('formats', () => {
  const result = run(`${every}\n${rule}`, { type: `multipart/form-data; boundary=${boundary}`, body: upload });

  test('native: every part, in order, with what is secret hidden', () => {
    const text = renderAudit(auditEntry(result)!, 'Native');
    const letters = [...text.matchAll(/^--id-1-([A-Z])--$/gm)].map(([, letter]) => letter);
    assert.equal(letters.join(''), 'ABCEFHIJKZ');
    const part = (letter: string) => text.split(`--id-1-${letter}--\n`)[1]!.split(/^--id-1-/m)[0]!;
    assert.equal(part('A'), '[22/Nov/2026:04:03:44.786000 +0000] id-1 192.0.2.1 40000 192.0.2.2 80\n');
    assert.match(part('B'), /^POST \/ HTTP\/1\.1\nHost: shop\.test\nCookie: \*\*\*\n/);
    assert.equal(part('C'), `${upload.replace('hunter22', '********')}\n\n`);
    assert.equal(part('E'), '<p>hello</p>\n\n');
    assert.equal(part('F'), 'HTTP/1.1 200\nContent-Type: text/html\nSet-Cookie: ***\n\n');
    assert.match(
      part('H'),
      /^Message: Warning\. .*\[id "7"\] \[msg "Ann, again"\].*\nProducer: TEST\/1; Palisade WAF\.\nSensor-Id: "sensor-1"\nEngine-Mode: "ENABLED"\n\n$/,
    );
    assert.equal(part('I'), 'user=ann&password=********\n\n');
    assert.equal(part('J'), '1,5,"doc","a.txt"\nTotal,5\n\n');
    assert.equal(
      part('K'),
      `SecRule "ARGS:user" "@streq ann" "phase:2,id:7,pass,t:none,log,auditlog,msg:'Ann, again',chain"\n    SecRule "ARGS:user" "@rx ^a" "phase:2"\n\n`,
    );
    assert.doesNotMatch(text, /topsecret|hunter22/);
  });

  test('JSON: the same facts', () => {
    const entry = JSON.parse(renderAudit(auditEntry(result)!, 'JSON'));
    assert.deepEqual(Object.keys(entry), ['transaction', 'request', 'uploads', 'response', 'audit_data', 'matched_rules']);
    assert.deepEqual(entry.uploads, { info: [{ file_size: 5, file_name: 'a.txt', content_name: 'doc' }], total: 5 });
    assert.equal(entry.response.body, '<p>hello</p>');
    assert.deepEqual([entry.matched_rules[0].chain, entry.matched_rules[0].rules.length], [true, 2]);
    assert.equal(entry.request.headers.Cookie, '***');
  });

  test('only the parts that are asked for', () => {
    const entry = JSON.parse(renderAudit(auditEntry(run('SecAuditLogParts AHZ', { body: 'x' }))!, 'JSON'));
    assert.deepEqual([entry.request, entry.response], [{}, {}]);
    const more = run('SecAuditLogParts AZ\nSecAction "id:1,phase:1,pass,ctl:auditLogParts=+C"', { body: 'x' });
    assert.match(renderAudit(auditEntry(more)!, 'Native'), /-C--\nx\n/);
  });

  test('a body cannot forge an entry', () => {
    const forged = run('SecAuditLogParts ACZ', { body: 'x\n--id-1-Z--\n\n--other-A--\n[fake]' });
    const text = renderAudit(auditEntry(forged)!, 'Native');
    assert.deepEqual(
      [...text.matchAll(/^--\S+-([A-Z])--$/gm)].map(([, letter]) => letter),
      ['A', 'C', 'Z'],
    );
  });
});

/** Body or query, what the log must not hold, and what it still holds. */
const masks: readonly [string, string, Sent, RegExp, RegExp][] = [
  ['by name, without being asked', '', { uri: '/?api_key=abcdef&q=1' }, /abcdef/, /api_key=\*{6}&q=1/],
  [
    'not what a rule matched: the entry is about it',
    'SecRule ARGS:password "@rx union" "id:1,phase:2,pass,log"',
    { uri: '/?password=union&secret=xyzzy' },
    /xyzzy/,
    /password=union&secret=\*{5}/,
  ],
  ['encoded', '', { uri: '/?password=%41bc%20def' }, /%41bc|Abc/, /password=\*+ HTTP/],
  ['a form', '', { type: 'application/x-www-form-urlencoded', body: 'a=1&token=xyzzy' }, /xyzzy/, /a=1&token=\*{5}/],
  ['sanitiseArg', 'SecAction "id:1,phase:2,pass,nolog,sanitiseArg:q"', { uri: '/?q=private' }, /private/, /q=\*{7}/],
  [
    'sanitiseMatched',
    'SecRule ARGS "@rx ^\\d{16}$" "id:1,phase:2,pass,log,auditlog,sanitiseMatched,logdata:\'%{MATCHED_VAR}\'"',
    { uri: '/?n=4111111111111111&m=2' },
    /4111/,
    /m=2/,
  ],
  [
    'sanitiseMatched, however the rule read the value and whatever part of it the rule tells',
    'SecRule ARGS:q "@rx (?:sec)(ret)" "id:1,phase:2,pass,log,capture,t:lowercase,sanitiseMatched,msg:\'q %{TX.1}\',logdata:\'%{TX.0} in %{MATCHED_VAR}\'"',
    { uri: '/?q=my-SECRET-word' },
    /secret|word/i,
    /\[data "\*\*\*"\]/,
  ],
  [
    'a value that a message would cut or escape',
    'SecRule ARGS:q "@streq x" "id:1,phase:2,pass,log,logdata:\'%{ARGS.password}\'"',
    { uri: `/?q=x&password=%22quoted%22${'z'.repeat(600)}` },
    /quoted|zz/,
    /\[data "\*{512}"\]/,
  ],
  [
    'as a rule over the whole form quotes it',
    'SecRule REQUEST_BODY "@contains %" "id:1,phase:2,pass,log,logdata:\'%{MATCHED_VAR}\'"',
    { type: 'application/x-www-form-urlencoded', body: 'a=%41&password=p%40ssw%6frd' },
    /p%40ss|p@ss/,
    /\[data "a=%41&password=\*{12}"\]/,
  ],
  [
    'one value in another',
    'SecRule ARGS:q "@streq x" "id:1,phase:2,pass,log,msg:\'%{ARGS.password}\'"',
    { uri: '/?q=x&token=hunter&password=hunter22' },
    /hunter|22"/,
    /\[msg "\*{8}"\]/,
  ],
  ['with another separator in it', '', { uri: '/?password=abc;def&q=1' }, /abc|def/, /password=\*{7}&q=1/],
  [
    'in a form with another separator',
    'SecArgumentSeparator ";"',
    { type: 'application/x-www-form-urlencoded', body: 'a=1;token=xy&zzy' },
    /xy|zzy/,
    /a=1;token=\*{6}/,
  ],
  ['before a fragment', '', { uri: '/?password=abcdef#part' }, /abcdef/, /password=\*{6}#part/],
  [
    'what a rule says of a hidden header',
    'SecRule REQUEST_HEADERS:Cookie "@contains sid" "id:1,phase:1,pass,log,logdata:\'%{MATCHED_VAR}\'"',
    {},
    /topsecret/,
    /at REQUEST_HEADERS:Cookie/,
  ],
  ['sanitiseRequestHeader', 'SecAction "id:1,phase:1,pass,nolog,sanitiseRequestHeader:X-Internal"', {}, /inside/, /X-Internal: \*\*\*/],
  [
    'JSON, whole',
    'SecAction "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"',
    { type: 'application/json', body: '{"password":"a\\u0062c","x":"visible"}' },
    /u0062|visible/,
    /37 bytes with hidden values/,
  ],
];

describe('secrets', () => {
  for (const [name, rules, sent, hidden, shown] of masks) {
    test(name, () => {
      const text = renderAudit(auditEntry(run(`${every}\n${rules}`, sent))!, 'Native');
      assert.doesNotMatch(text, hidden);
      assert.match(text, shown);
      assert.doesNotMatch(renderAudit(auditEntry(run(`${every}\n${rules}`, sent))!, 'JSON'), hidden);
    });
  }

  test('in the reason of a refusal', () => {
    const rules = `${every}\nSecRule ARGS:q "@streq x" "id:1,phase:2,deny,log,msg:'with %{ARGS.password}'"`;
    const entry = JSON.parse(renderAudit(auditEntry(run(rules, { uri: '/?q=x&password=hunter22' }))!, 'JSON'));
    assert.equal(entry.audit_data.action.message, 'with ********');
  });
});

/** SecAuditEngine, rules, and whether there is an entry. */
const relevance: readonly [string, string, boolean][] = [
  ['Off', 'SecAction "id:1,phase:1,pass,auditlog"', false],
  ['On', '', true],
  ['RelevantOnly', '', false],
  ['RelevantOnly', 'SecAction "id:1,phase:1,pass,auditlog"', true],
  ['RelevantOnly', 'SecAction "id:1,phase:1,pass,noauditlog"', false],
  ['RelevantOnly', 'SecAuditLogRelevantStatus "^(?:5|4(?!04))"\nSecAction "id:1,phase:1,deny,status:500,noauditlog"', true],
  ['RelevantOnly', 'SecAuditLogRelevantStatus "^(?:5|4(?!04))"\nSecAction "id:1,phase:1,deny,status:404,noauditlog"', false],
  ['Off', 'SecAction "id:1,phase:1,pass,nolog,ctl:auditEngine=On"', true],
];

test('what is relevant is logged', () => {
  for (const [mode, rules, wanted] of relevance)
    assert.equal(run(`SecAuditEngine ${mode}\n${rules}`, {}).audit !== undefined, wanted, `${mode} ${rules}`);
});

test('concurrent: a file an entry, an index, the modes that are asked for; uploads come and go', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'waf-audit-'));
  try {
    const engine = engineOf(`SecAuditLogType Concurrent
SecAuditLog ${folder}/index
SecAuditLogStorageDir ${folder}/store
SecAuditLogFileMode 0640
SecAuditLogDirMode 0750`);
    const log = openAuditLog(engine);
    log.write(run('SecAuditLogParts ABZ', {}));
    await log.close();
    const line = readFileSync(join(folder, 'index'), 'latin1');
    assert.match(
      line,
      /^shop\.test 192\.0\.2\.1 - - \[.*\] "POST \/ HTTP\/1\.1" 200 - "-" "-" id-1 "-" \/20261122\/20261122-0403\/20261122-040344-id-1 0 \d+ md5:[0-9a-f]{32}\n$/,
    );
    const path = join(folder, 'store/20261122/20261122-0403/20261122-040344-id-1');
    assert.match(readFileSync(path, 'latin1'), /^--id-1-A--\n/);
    assert.equal(statSync(path).mode & 0o777, 0o640);
    const kept = (keep: string) => {
      const place = mkdtempSync(join(folder, 'up-'));
      const rules = `SecUploadDir ${place}\nSecTmpSaveUploadedFiles On\nSecUploadKeepFiles ${keep}\nSecRule FILES_TMPNAMES "@beginsWith ${place}" "id:3,phase:2,pass"`;
      const result = run(rules, { type: `multipart/form-data; boundary=${boundary}`, body: upload });
      assert.deepEqual(
        result.matched.map(({ id }) => id),
        [3],
      );
      return readdirSync(place).length;
    };
    assert.deepEqual(['On', 'Off', 'RelevantOnly'].map(kept), [1, 0, 1]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a file that cannot be saved is an error of the body, and those before it are removed', () => {
  const left = new Set<string>();
  const uploads = {
    save(content: string) {
      if (content === 'second') throw new Error('no space left');
      left.add(content);
      return content;
    },
    remove: (path: string) => left.delete(path),
  };
  const file = (name: string) => `--b\r\nContent-Disposition: form-data; name="${name}"; filename="x"\r\n\r\n${name}\r\n`;
  const engine = engineOf('SecTmpSaveUploadedFiles On\nSecRule REQBODY_ERROR "@eq 1" "id:1,phase:2,deny,status:400"', { uploads });
  const result = runRequest(engine, {
    method: 'POST',
    headers: [['Content-Type', 'multipart/form-data; boundary=b']],
    body: `${file('first')}${file('second')}--b--\r\n`,
  });
  assert.deepEqual([result.interruption?.ruleId, result.bodyError, left.size], [1, 'Cannot save an uploaded file: no space left', 0]);
});
