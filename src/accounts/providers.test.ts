import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { MisuseError } from '../errors.ts'
import { readProviders } from './provider-file.ts'
import { limitsOf, providerData, providerOf, providerOfHost, providerOfMx, suffixes } from './providers.ts'

test('a provider is known by the domain of the address, in any case', () => {
  for (const domain of ['libero.it', 'INWIND.it', 'iol.it', 'blu.it', 'giallo.it'])
    assert.equal(providerOf(`mario@${domain}`)?.id, 'libero', domain)
  assert.equal(providerOf('mario@tin.it')?.id, 'alice')
  assert.equal(providerOf('mario@arubapec.it')?.id, 'aruba-pec')
  assert.equal(providerOf('mario@live.it')?.id, 'outlook')
  assert.equal(providerOf('mario@me.com')?.id, 'icloud')
  assert.equal(providerOf('mario@yahoo.co.uk')?.id, 'yahoo')
  assert.equal(providerOf('mario@example.it'), undefined)
  assert.equal(providerOf('mario'), undefined)
})

test('*.onmicrosoft.com is every domain below it, and not that domain itself', () => {
  assert.equal(providerOf('mario@acme.onmicrosoft.com')?.id, 'microsoft-365')
  assert.equal(providerOf('mario@onmicrosoft.com'), undefined)
  assert.equal(providerOf('mario@notonmicrosoft.com'), undefined)
})

test('limits are those of the server that is fetched from, whatever the address', () => {
  assert.deepEqual(limitsOf({ server: 'MBOX.cert.legalmail.it' }), { messagesPerMinute: 6 })
  assert.deepEqual(limitsOf({ server: 'pop.gmail.com' }), { partialListing: true, messagesPerListing: 250 })
  assert.deepEqual(limitsOf({ server: 'pop.gmx.net' }), { leastInterval: 900_000 })
  assert.deepEqual(limitsOf({ server: 'pop.example.it' }), {})
  assert.equal(providerOfHost('outlook.office365.com')?.oauth?.needed, true)
})

test('of MX hosts, the provider counts that names the longest part', () => {
  assert.deepEqual(suffixes('Mx.Pec.Aruba.it.'), ['mx.pec.aruba.it', 'pec.aruba.it', 'aruba.it'])
  assert.equal(providerOfMx('mx.aruba.it')?.id, 'aruba')
  assert.equal(providerOfMx('mx.pec.aruba.it')?.id, 'aruba-pec')
  assert.equal(providerOfMx('acme-it.mail.protection.outlook.com')?.id, 'microsoft-365')
  assert.equal(providerOfMx('aspmx.l.google.com.')?.id, 'gmail')
  assert.equal(providerOfMx('evilaruba.it'), undefined)
  assert.equal(providerOfMx('mx.aruba.it.evil.example'), undefined)
})

test('no domain is claimed by two providers', () => {
  const claims = providerData().providers.flatMap(({ domains }) => domains)
  assert.deepEqual(
    claims.filter((domain, index) => claims.indexOf(domain) !== index),
    [],
  )
  const hosts = providerData().providers.flatMap(({ mx }) => mx)
  assert.equal(new Set(hosts).size, hosts.length)
})

const good = `[[provider]]
id = "x"
name = "X"
domains.issue = ["x.example"]
pop3 = { host = "pop.x.example", port = 995, tls = "implicit", source = "issue" }
`

test('a table of providers is read strictly: what is wrong is named', () => {
  assert.equal(readProviders(good, 'f').providers[0]?.pop3?.host, 'pop.x.example')
  const cases: [string, RegExp][] = [
    ['x = [', /^f is no TOML/],
    [good.replace(', source = "issue"', ''), /provider "x", pop3: source is missing/],
    [good.replace('source = "issue"', 'source = "rumour"'), /source is "rumour", and must be one of issue, help/],
    [good.replace('implicit', 'ssl'), /tls is "ssl", and must be one of implicit, starttls/],
    [good.replace('995', '99500'), /99500 is no port/],
    [good.replace('"pop.x.example"', '"Pop.x.example"'), /"Pop\.x\.example" is no host in lower case/],
    [good.replace('"x.example"', '"x"'), /"x" is no domain/],
    [good.replace('domains.issue', 'domains.issued'), /domains: "issued" is not known/],
    [`${good}colour = "red"\n`, /provider "x": "colour" is not known/],
    [good.replace(/pop3.*\n/, ''), /neither pop3 nor imap/],
    [good.replace(/domains.*\n/, ''), /it has no domains/],
    [good + good, /two providers "x"/],
    [`${good}limits.listing = { about = 0, source = "help" }\n`, /about must be a whole number/],
    [`${good}oauth = { issuer = "i", needed = "no", source = "help" }\n`, /needed must be true or false/],
    [`${good}notes = ["text"]\n`, /notes 1 must be a table/],
  ]
  for (const [text, expected] of cases) {
    assert.throws(
      () => readProviders(text, 'f'),
      (error) => error instanceof MisuseError && expected.test(error.message),
      String(expected),
    )
  }
})

test('docs/providers.md names every provider with its servers', () => {
  const page = readFileSync(new URL('../../docs/providers.md', import.meta.url), 'utf8')
  const missing = providerData().providers.flatMap(({ name, pop3, imap }) =>
    [name, ...[pop3, imap].flatMap((endpoint) => (endpoint ? [`${endpoint.host} ${endpoint.port}`] : []))].filter(
      (text) => !page.includes(text),
    ),
  )
  assert.deepEqual(missing, [])
})
