// A loopback relay that adds the bearer token, which the conformance suite cannot send.
// It works on bytes, not on parsed requests: Host, Origin, header case and the spaces
// around header values reach the server as the suite wrote them.
//
//   MCP_URL=http://127.0.0.1:8000/mcp MCP_TOKEN_FILE=token node proxy.mjs
//
// Prints its port, and ends when its standard input closes or on SIGTERM.
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";

const MAX_HEAD = 64 * 1024;
const MAX_BODY = 8 * 1024 * 1024;
const MAX_CONNECTIONS = 64;
const IDLE_MS = 60_000;
const LIFETIME_MS = 15 * 60_000;

function fail(message) {
  process.stderr.write(`proxy: ${message}\n`);
  process.exit(2);
}

const target = new URL(process.env.MCP_URL ?? fail("MCP_URL is not set"));
const host = target.hostname.replace(/^\[|\]$/g, "");
if (target.protocol !== "http:" || !["localhost", "127.0.0.1", "::1"].includes(host)) {
  fail("MCP_URL must be plain http on a loopback address");
}
const token = readFileSync(process.env.MCP_TOKEN_FILE ?? fail("MCP_TOKEN_FILE is not set"), "latin1").trim();
if (!/^[\x21-\x7e]+$/.test(token)) fail("the token file holds no token");
const upstream = { host, port: Number(target.port || 80) };

// Takes one request head; returns it with our Authorization line, and its body's length.
function rewrite(head) {
  const lines = head.split("\r\n").filter((line, i) => i === 0 || !/^authorization\s*:/i.test(line));
  if (lines.some((line) => /^transfer-encoding\s*:/i.test(line))) return null;
  const lengths = lines.filter((line) => /^content-length\s*:/i.test(line)).map((line) => line.split(":")[1].trim());
  if (lengths.length > 1 || lengths.some((n) => !/^[0-9]{1,7}$/.test(n) || Number(n) > MAX_BODY)) return null;
  lines.push(`Authorization: Bearer ${token}`);
  return { head: lines.join("\r\n"), body: Number(lengths[0] ?? 0) };
}

function relay(client) {
  const server = connect({ ...upstream, noDelay: true });
  const close = () => {
    client.destroy();
    server.destroy();
  };
  for (const socket of [client, server]) {
    socket.setTimeout(IDLE_MS, close);
    socket.on("error", close);
    socket.on("close", close);
  }
  server.pipe(client);

  let waiting = Buffer.alloc(0); // the start of a head
  let body = 0; // what is still to come of the current body
  client.on("data", (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length > 0) {
      if (body > 0) {
        const part = waiting.subarray(0, body);
        server.write(part);
        body -= part.length;
        waiting = waiting.subarray(part.length);
        continue;
      }
      const end = waiting.indexOf("\r\n\r\n");
      if (end > MAX_HEAD || (end < 0 && waiting.length > MAX_HEAD)) return close();
      if (end < 0) return;
      const request = rewrite(waiting.toString("latin1", 0, end));
      if (request === null) return close();
      server.write(Buffer.from(`${request.head}\r\n\r\n`, "latin1"));
      body = request.body;
      waiting = waiting.subarray(end + 4);
    }
  });
  client.on("end", () => server.end());
}

const listener = createServer({ noDelay: true, allowHalfOpen: true }, relay);
listener.maxConnections = MAX_CONNECTIONS;
listener.on("error", (error) => fail(error.message));
listener.listen(Number(process.env.CONFORMANCE_PORT ?? 0), "127.0.0.1", () => {
  process.stdout.write(`${listener.address().port}\n`);
});

const quit = () => process.exit(0);
process.on("SIGTERM", quit);
process.on("SIGINT", quit);
process.stdin.on("end", quit).on("close", quit).resume();
setTimeout(() => fail("still running after 15 minutes"), LIFETIME_MS).unref();
