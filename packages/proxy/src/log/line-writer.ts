/** Lines as the bytes that go to the file: strings put together for every line were half of what a request left to be collected. */
import { putText } from '../net/put-text.ts';

export class LineWriter {
  bytes: Buffer;
  at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  text(value: string): void {
    this.#reserve(value.length * 3);
    this.at = putText(this.bytes, this.at, value);
  }

  /** A JSON string. */
  quoted(value: string): void {
    const { length } = value;
    this.#reserve(length + 2);
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = 34;
    for (let i = 0; i < length; i++) {
      const c = value.charCodeAt(i);
      if (c < 0x20 || c === 34 || c === 92 || c > 0x7e) {
        this.text(JSON.stringify(value));
        return;
      }
      bytes[at++] = c;
    }
    bytes[at++] = 34;
    this.at = at;
  }

  #reserve(size: number): void {
    const wanted = this.at + size;
    if (wanted <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }
}
