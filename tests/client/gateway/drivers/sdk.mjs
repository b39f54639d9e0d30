// Runs scripts of calls by the SDK for JavaScript. Each line of the input is a script, {"url", "calls"}, and each line
// of the output has its answers. A call has the name of its package, its operation, and parameters.
// {"$bytes": base64} stands for bytes.
import { createInterface } from "node:readline";

import { NodeHttpHandler } from "@smithy/node-http-handler";

// These clients speak HTTP/2 unless they are given another handler (docs/gateway.md).
const HTTP_2 = new Set(["kinesis"]);
const packages = new Map();

async function clientOf(name) {
  if (!packages.has(name)) packages.set(name, await import(`@aws-sdk/client-${name}`));
  const module = packages.get(name);
  const [, Client] = Object.entries(module).find(
    ([key, value]) => key.endsWith("Client") && key !== "__Client" && typeof value === "function",
  );
  return { module, client: new Client(HTTP_2.has(name) ? { requestHandler: new NodeHttpHandler() } : {}) };
}

function read(value) {
  if (Array.isArray(value)) return value.map(read);
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) return Buffer.from(value.$bytes, "base64");
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, read(each)]));
}

async function answered(clients, call) {
  if (!clients.has(call.package)) clients.set(call.package, await clientOf(call.package));
  const { module, client } = clients.get(call.package);
  try {
    const { $metadata, Body, ...answer } = await client.send(new module[`${call.operation}Command`](read(call.parameters)));
    const content = typeof Body?.transformToString === "function" ? { Body: await Body.transformToString() } : {};
    return { ...answer, ...content, status: $metadata.httpStatusCode };
  } catch (error) {
    return { error: error.name, said: error.message, status: error.$metadata?.httpStatusCode ?? String(error.stack) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { url, calls } = JSON.parse(line);
  process.env.AWS_ENDPOINT_URL = url;
  const clients = new Map();
  const answers = [];
  for (const call of calls) answers.push(await answered(clients, call));
  for (const { client } of clients.values()) client.destroy();
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}
