/** Beside each proxy: key, certificate, SDS, relay of ADS, interception. */
export { renderBootstrap } from './bootstrap.ts';
export { renderInterception } from './intercept.ts';
