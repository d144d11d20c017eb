/** Apart, so that it is loaded only where it is asked for: a bundle keeps the names of what it imports from here, not those of `yaml` itself. */
export { parse } from 'yaml';
