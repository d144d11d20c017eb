import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError, readClientConfig, readServerConfig } from './environment.ts';
import { pythonJson } from './python-text.ts';

const never = () => 0;
const URLS = { REQUEST_URLS: 'http://a:8080,http://b' };

test('server defaults and the order of its config', () => {
  const config = readServerConfig({}, never);
  assert.deepEqual([config.listenPort, config.respondBytes, config.statsPort, config.totalStopSeconds], [8080, 16384, undefined, 0]);
  assert.equal(
    pythonJson(config.shown),
    '{"LISTEN_PORT": 8080, "STATS_PORT": null, "STATSD_HOST": null, "STATSD_PORT": 8125, "RESPOND_BYTES": 16384, "STOP_SECONDS": 0, "STOP_PADDING": false, "TOTAL_STOP_SECONDS": 0}',
  );
});

test('client defaults', () => {
  const config = readClientConfig(URLS, never);
  assert.deepEqual(config.urls, ['http://a:8080', 'http://b']);
  assert.deepEqual(
    [
      config.waitSeconds,
      config.requestBytes,
      config.requestProbability,
      config.egressProbability,
      config.attackProbability,
      config.attacks,
    ],
    [1, 1024, 1, 0.1, 0.01, []],
  );
});

test('booleans: everything but empty and "false"', () => {
  for (const [text, expected] of [
    ['True', 1],
    ['0', 1],
    ['no', 1],
    ['', 0],
    ['FALSE', 0],
    ['false', 0],
  ] as const) {
    assert.equal(readClientConfig({ ...URLS, SEND_SQLI: text }, never).attacks.length, expected, JSON.stringify(text));
  }
});

test('padding adds 0 to STOP_SECONDS-1', () => {
  const env = { STOP_SECONDS: '240', STOP_PADDING: 'True' };
  assert.equal(readServerConfig(env, () => 0).totalStopSeconds, 240);
  assert.equal(readServerConfig(env, () => 0.9999).totalStopSeconds, 479);
});

test('bad values are refused by name', () => {
  const bad: [Record<string, string>, RegExp][] = [
    [{ LISTEN_PORT: '0' }, /LISTEN_PORT="0"/],
    [{ LISTEN_PORT: '65536' }, /LISTEN_PORT/],
    [{ RESPOND_BYTES: '-1' }, /RESPOND_BYTES/],
    [{ RESPOND_BYTES: '1e3' }, /RESPOND_BYTES/],
    [{ STOP_SECONDS: '' }, /STOP_SECONDS/],
    [{ STATS_PORT: 'http' }, /STATS_PORT/],
  ];
  for (const [env, message] of bad) {
    assert.throws(
      () => readServerConfig(env, never),
      (error) => error instanceof ConfigurationError && message.test(error.message),
    );
  }
  for (const env of [
    {},
    { REQUEST_URLS: '' },
    { REQUEST_URLS: 'https://a' },
    { REQUEST_URLS: 'db' },
    { ...URLS, ATTACK_PROBABILITY: 'x' },
    { ...URLS, REQUEST_WAIT_SECONDS: 'Infinity' },
  ]) {
    assert.throws(() => readClientConfig(env, never), ConfigurationError, JSON.stringify(env));
  }
});
