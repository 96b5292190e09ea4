// A webhook receiver in Node, without packages. SIGNING_SECRET and PORT come from the environment.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

function expected(secret, timestamp, body) {
  return 'sha256=' + createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}

function isGenuine(secret, timestamp, signature, body) {
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const [a, b] = [Buffer.from(expected(secret, timestamp, body)), Buffer.from(signature)];
  return a.length === b.length && timingSafeEqual(a, b);
}

if (process.argv[2] === 'vector') {
  const vector = 'sha256=25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3';
  process.exit(expected('whsec_test_secret_0123456789', '1700000000', Buffer.from('{"id":1}')) === vector ? 0 : 1);
}

createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks); // the raw bytes: a body parser that runs first loses them
    const { 'x-wlcro-timestamp': timestamp = '', 'x-wlcro-signature': signature = '' } = request.headers;
    response.writeHead(isGenuine(process.env.SIGNING_SECRET, timestamp, signature, body) ? 200 : 401).end();
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
