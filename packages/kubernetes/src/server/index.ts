/** What HTTPS servers of the Kubernetes API and its webhooks share. */
export { readAsStream, stopReading } from './read-as-stream.ts';
