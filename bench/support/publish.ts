// A program: publishes into a stream, so many at a time, for so long or so often, and prints what it reached as JSON. Arguments:
// port, subject, bytes, publishers, seconds, messages.

import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const [port = '', subject = '', ...numbers] = process.argv.slice(2);
const [bytes = 0, publishers = 1, seconds = 1, messages = 0] = numbers.map(Number);
const connection = await connect({ servers: `127.0.0.1:${port}`, noAsyncTraces: true });
const js = jetstream(connection);
const payload = new Uint8Array(bytes).fill(0x78);
const tookMs: number[] = [];
let sent = 0;
const began = performance.now();
const end = began + seconds * 1000;
const publish = async (): Promise<void> => {
  while (sent < messages && performance.now() < end) {
    sent++;
    const sentAt = performance.now();
    await js.publish(subject, payload);
    tookMs.push(performance.now() - sentAt);
  }
};
await Promise.all(Array.from({ length: publishers }, publish));
const perSecond = (tookMs.length * 1000) / (performance.now() - began);
tookMs.sort((a, b) => a - b);
const at = (part: number): number => tookMs[Math.floor(tookMs.length * part)] ?? Number.NaN;
console.log(JSON.stringify({ perSecond, p50Ms: at(0.5), p99Ms: at(0.99), failures: 0 }));
await connection.close();
