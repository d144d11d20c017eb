import assert from 'node:assert/strict';
import { test } from 'node:test';
import { celEnvironment } from './environment.ts';

const evaluate = (expression: string) => celEnvironment().evaluate(expression, {});

const TRUE = [
  // URLs
  'url("https://user@example.com:80/a%20b?x=1&x=2#f").getScheme() == "https"',
  'url("https://user@example.com:80/a").getHost() == "example.com:80"',
  'url("https://[::1]:80/a").getHostname() == "::1"',
  'url("https://example.com:80/").getPort() == "80"',
  'url("/a%20b?x=1").getEscapedPath() == "/a%20b"',
  'url("/a?x=1&x=2").getQuery()["x"] == ["1", "2"]',
  'isURL("https://example.com") && isURL("/a") && !isURL("a/b") && !isURL("http://a b")',
  // lists
  '[1, 2, 2].isSorted() && !["b", "a"].isSorted() && [].isSorted()',
  '[1, 2].sum() == 3 && [1.5, 2.0].sum() == 3.5',
  '[3, 1, 2].min() == 1 && [3, 1].max() == 3',
  '[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2 && [1].indexOf(5) == -1',
  'sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1, 1]) && !sets.intersects([1], [2])',
  // texts
  '"abc 123".find("[0-9]+") == "123" && "a1b2".findAll("[0-9]") == ["1", "2"] && "a1b2".findAll("[0-9]", 1) == ["1"]',
  '"aXbXc".replace("X", "$&") == "a$&b$&c" && "aXbXc".replace("X", "-", 1) == "a-bXc"',
  '"abc".charAt(1) == "b" && "abc".lowerAscii() == "abc" && "a,b".split(",") == ["a", "b"]',
  // quantities
  'quantity("1Gi").isGreaterThan(quantity("1G")) && quantity("500m").add(quantity("500m")).compareTo(quantity("1")) == 0',
  'quantity("50k").sub(20000).asInteger() == 30000 && isQuantity("1.5M") && !isQuantity("x") && quantity("-1").sign() == -1',
  // addresses
  'isIP("10.0.0.1") && isIP("::1") && !isIP("10.0.0.256") && ip("10.0.0.1").family() == 4 && ip("::1").isLoopback()',
  'cidr("10.0.0.0/8").containsIP("10.1.2.3") && !cidr("10.0.0.0/8").containsIP("11.0.0.1")',
  'cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16") && !cidr("10.1.0.0/16").containsCIDR("10.0.0.0/8")',
  'cidr("10.1.2.3/12").masked() == cidr("10.0.0.0/12") && string(cidr("10.0.0.0/8")) == "10.0.0.0/8"',
  'ip.isCanonical("2001:db8::1") && !ip.isCanonical("2001:DB8::1") && !isCIDR("10.0.0.0/33") && cidr("::/0").prefixLength() == 0',
  'ip("224.0.0.5").isLinkLocalMulticast() && ip("10.0.0.1").isGlobalUnicast() && !ip("127.0.0.1").isGlobalUnicast()',
  // the evaluator's own
  'duration("1h") > duration("1ms") && timestamp("2024-01-01T00:00:00Z") < timestamp("2024-01-02T00:00:00Z")',
  'string(timestamp("2024-01-01T00:00:00Z")) == "2024-01-01T00:00:00Z" && int(timestamp("1970-01-01T00:01:00Z")) == 60',
];

for (const expression of TRUE) test(expression, () => assert.equal(evaluate(expression), true));

const THROWS: [string, RegExp][] = [
  ['url("a b")', /URL parse error/],
  ['[].min()', /min called on empty list/],
  ['quantity("x")', /quantity parse error/],
  ['cidr("10.0.0.0")', /network address parse error/],
  ['ip("::ffff:1.2.3.4")', /IPv4-mapped/],
  ['"abc".charAt(9)', /index out of range/],
];

for (const [expression, pattern] of THROWS) test(`${expression} fails`, () => assert.throws(() => evaluate(expression), pattern));
