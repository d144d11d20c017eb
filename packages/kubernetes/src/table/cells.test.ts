import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatDuration } from './cells.ts';

describe('ages', () => {
  const minute = 60;
  const hour = 3600;
  const day = 86400;
  const rows: [seconds: number, text: string][] = [
    [-5, '<invalid>'],
    [-1, '0s'],
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [125, '2m5s'],
    [10 * minute, '10m'],
    [179 * minute, '179m'],
    [3 * hour, '3h'],
    [3 * hour + 5 * minute, '3h5m'],
    [8 * hour, '8h'],
    [47 * hour, '47h'],
    [2 * day, '2d'],
    [2 * day + 3 * hour, '2d3h'],
    [8 * day, '8d'],
    [729 * day, '729d'],
    [730 * day, '2y'],
    [740 * day, '2y10d'],
    [8 * 365 * day, '8y'],
  ];
  for (const [seconds, text] of rows) test(`${seconds} s is ${text}`, () => assert.equal(formatDuration(seconds * 1000), text));
});
