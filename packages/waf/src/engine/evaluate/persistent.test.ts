import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineOf, firedIds } from '../testing.ts';
import { MemoryStore } from '../transaction/collections.ts';

const nobody = { clientAddress: '192.0.2.1', clientPort: 1, serverAddress: '192.0.2.2', serverPort: 80 };

test('persistent collections outlive a request and expire', () => {
  let nowMs = 0;
  const rules =
    'SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.n=+1,expirevar:ip.n=60"\nSecRule IP:n "@ge 2" "id:2,phase:1,log,pass"';
  const engine = engineOf(rules, { store: new MemoryStore() });
  const run = () => {
    const transaction = engine.transaction({
      id: 't',
      now: () => nowMs,
      connection: { clientAddress: '192.0.2.7', clientPort: 1, serverAddress: '', serverPort: 0 },
    });
    transaction.requestHeaders({ method: 'GET', uri: '/', protocol: 'HTTP/1.1', headers: [] });
    return firedIds(transaction.finish());
  };
  assert.deepEqual(run(), []);
  assert.deepEqual(run(), [2]);
  nowMs = 61_000;
  assert.deepEqual(run(), []);
});

test('collections tell of themselves, and deprecatevar takes off by whole periods', () => {
  let nowMs = 1_000_000;
  const engineWith = (rules: string) =>
    engineOf(
      `SecCollectionTimeout 600
SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR}"
SecAction "id:2,phase:1,log,pass,msg:'%{IP.IS_NEW} %{IP.CREATE_TIME} %{IP.UPDATE_COUNTER} %{IP.UPDATE_RATE} %{IP.LAST_UPDATE_TIME} %{IP.TIMEOUT}'"
${rules}
SecAction "id:4,phase:1,log,pass,msg:'%{IP.score}'"`,
      { store: new MemoryStore() },
    );
  const engine = engineWith(`SecAction "id:3,phase:1,nolog,pass,deprecatevar:ip.score=60/300"
SecRule ARGS:score "@rx ^(\\d+)$" "id:5,phase:1,nolog,pass,capture,setvar:ip.score=%{TX.1}"`);
  const messages = (uri: string) => {
    const transaction = engine.transaction({ id: 't', now: () => nowMs, connection: nobody });
    transaction.requestHeaders({ method: 'GET', uri, protocol: 'HTTP/1.1', headers: [] });
    return transaction.finish().matched.map(({ message }) => message);
  };
  assert.deepEqual(messages('/?score=100'), ['1 1000 0 0  600', '100']);
  nowMs += 299_000;
  assert.deepEqual(messages('/'), ['0 1000 1 0 1000 600', '100']);
  nowMs += 1000;
  // Kept because it changed; the periods count from there.
  assert.deepEqual(messages('/'), ['0 1000 1 0 1000 600', '40']);
  assert.deepEqual(messages('/'), ['0 1000 2 0 1300 600', '40']);
  nowMs += 350_000;
  assert.deepEqual(messages('/'), ['0 1000 2 0 1300 600', '0']);
  for (const bad of ['ip.score=60', 'ip.score=60/0', 'score=1/2', 'ip.score=-1/2'])
    assert.throws(() => engineWith(`SecAction "id:3,phase:1,pass,deprecatevar:${bad}"`), /wanted collection\.name=amount\/seconds/, bad);
});
