/** Cluster DNS: names of Services and pods, and what the outside world's zone adds. */
export { clusterZone } from './cluster-zone.ts';
export { renderResolvConf } from './resolv-conf.ts';
export { type DnsServerOptions, startDnsServer } from './server.ts';
export { clusterView, type DnsInformers } from './view.ts';
export type { Lookup } from './zone.ts';
