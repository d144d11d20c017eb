export { typeRegistry } from './registry.ts';
export { TypeUrl } from './type-url.ts';
