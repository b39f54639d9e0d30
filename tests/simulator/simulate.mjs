// Reads cases as JSON from standard input, one a line, and answers each with one line:
//   {"policy": ..., "now": ISO time, "source_ip": "", "calls": [[action, resource], ...]}
//   -> ["Allowed" | "ImplicitlyDenied" | "ExplicitlyDenied" | "error: ...", ...]
// The role may do anything, so that what is decided is what the session policy decides.
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const ACCOUNT = '444455556666'
const EVERYTHING = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }

async function decide(policy, now, sourceIp, [action, resource]) {
  const result = await runSimulation(
    {
      request: {
        principal: `arn:aws:sts::${ACCOUNT}:assumed-role/target/g-aaaaaaaaaaaaaa`,
        action,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: { 'aws:CurrentTime': now, 'aws:SourceIp': sourceIp, 'aws:ViaAWSService': 'false' },
      },
      sessionPolicy: policy,
      identityPolicies: [{ name: 'role', policy: EVERYTHING }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  return result.resultType === 'error' ? `error: ${JSON.stringify(result.errors)}` : result.overallResult
}

for await (const line of createInterface({ input: process.stdin })) {
  const { policy, now, source_ip, calls } = JSON.parse(line)
  const answers = []
  for (const call of calls) answers.push(await decide(policy, now, source_ip, call))
  console.log(JSON.stringify(answers))
}
