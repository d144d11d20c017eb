/** The world outside the cluster: its names, its addresses, its servers. */
export { startOutside } from './servers.ts';
export { outsideNamesOf, outsideZone } from './zone.ts';
