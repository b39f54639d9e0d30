// Reads one parameter of Systems Manager for each line of its input, by one client of the SDK for JavaScript. A line of
// the output has the value, or the error as the SDK shows it.
import { createInterface } from "node:readline";

import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";

const client = new SSMClient({ region: "eu-west-1" });

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { Parameter } = await client.send(new GetParameterCommand({ Name: JSON.parse(line) }));
    answer = { value: Parameter.Value };
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
client.destroy();
