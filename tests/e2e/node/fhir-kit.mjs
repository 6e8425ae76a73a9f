// fhir-kit-client against FHIR_BASE; prints the steps that went well as JSON, and fails at the first that does not.
import assert from 'node:assert/strict';
import * as loaded from 'fhir-kit-client';

const Client = loaded.default ?? loaded.FhirKitClient ?? loaded.Client;
const client = new Client({ baseUrl: process.env.FHIR_BASE, bearerToken: process.env.FHIR_TOKEN });
const system = 'urn:fhir-kit';
const steps = [];

const statement = await client.capabilityStatement();
assert.equal(statement.fhirVersion, '4.0.1');
steps.push('capabilities');

const body = { resourceType: 'Patient', identifier: [{ system, value: '1' }], name: [{ family: 'Kit' }] };
const created = await client.create({ resourceType: 'Patient', body });
assert.ok(created.id);
steps.push('create');

const read = await client.read({ resourceType: 'Patient', id: created.id });
assert.equal(read.name[0].family, 'Kit');
steps.push('read');

const version = await client.vread({ resourceType: 'Patient', id: created.id, version: '1' });
assert.equal(version.meta.versionId, '1');
steps.push('vread');

const updated = await client.update({ resourceType: 'Patient', id: created.id, body: { ...read, active: true } });
assert.equal(updated.meta.versionId, '2');
steps.push('update');

for (let n = 0; n < 12; n += 1) {
  const identifier = [{ system: `${system}:pages`, value: String(n) }];
  await client.create({ resourceType: 'Patient', body: { resourceType: 'Patient', identifier } });
}
let page = await client.search({ resourceType: 'Patient', searchParams: { identifier: `${system}:pages|`, _count: 5 } });
assert.equal(page.entry.length, 5);
steps.push('search');

let seen = page.entry.length;
while ((page = await client.nextPage({ bundle: page }))) seen += (page.entry ?? []).length;
assert.equal(seen, 12);
steps.push('page');

const headers = { 'If-None-Exist': `identifier=${system}|1` };
const same = await client.create({ resourceType: 'Patient', body, options: { headers } });
assert.equal(same.id, created.id);
steps.push('conditional');

const fullUrl = 'urn:uuid:3d1f7b50-91b4-4a32-8c1a-0a6b2d7f3a55';
const answered = await client.transaction({
  body: {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { fullUrl, resource: { resourceType: 'Patient', identifier: [{ system, value: 'tx' }] }, request: { method: 'POST', url: 'Patient' } },
      {
        resource: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: fullUrl } },
        request: { method: 'POST', url: 'Observation' },
      },
    ],
  },
});
assert.ok(answered.entry.every((entry) => entry.response.status.startsWith('201')));
steps.push('transaction');

const history = await client.history({ resourceType: 'Patient', id: created.id });
assert.equal(history.entry.length, 2);
steps.push('history');

await client.delete({ resourceType: 'Patient', id: created.id });
await assert.rejects(client.read({ resourceType: 'Patient', id: created.id }));
steps.push('delete');

console.log(JSON.stringify(steps));
