import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { MisuseError, PeerError } from '../../errors.ts'
import { discover, type DiscoverOptions } from './discover.ts'
import type { Discovery, Step } from './found.ts'
import { IspdbFolder } from './ispdb-folder.ts'
import type { Look, MxRecord, SrvRecord } from './look.ts'

const config = (host: string, domain = 'posta.example', type = 'pop3'): string =>
  `<clientConfig version="1.1"><emailProvider id="${domain}"><domain>${domain}</domain><incomingServer type="${type}">
   <hostname>${host}</hostname><port>995</port><socketType>SSL</socketType><username>%EMAILADDRESS%</username>
   <authentication>password-cleartext</authentication></incomingServer></emailProvider></clientConfig>`

/** A network of these facts alone; what it was asked is noted. */
class Facts implements Look {
  readonly asked: string[] = []
  readonly of: {
    readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>
    readonly mx?: readonly MxRecord[]
    readonly pages?: Readonly<Record<string, string>>
    readonly hello?: readonly string[]
    /** What each question ends with, where it is not answered. */
    readonly fault?: PeerError
  }

  constructor(of: Facts['of'] = {}) {
    this.of = of
  }

  srv(name: string): Promise<readonly SrvRecord[]> {
    return this.#answer(`srv ${name}`, this.of.srv?.[name] ?? [])
  }

  mx(domain: string): Promise<readonly MxRecord[]> {
    return this.#answer(`mx ${domain}`, this.of.mx ?? [])
  }

  page(url: string): Promise<string | undefined> {
    return this.#answer(`page ${url}`, this.of.pages?.[url.replace(/\?.*/, '')])
  }

  async hello(server: { host: string; port: number; tls: string }, protocol: string): Promise<void> {
    const door = `${protocol} ${server.host} ${server.port} ${server.tls}`
    await this.#answer(`hello ${door}`, undefined)
    if (this.of.hello?.includes(door) !== true) throw new PeerError('unreachable', `${door}: nobody`)
  }

  #answer<Value>(asked: string, value: Value): Promise<Value> {
    this.asked.push(asked)
    return this.of.fault === undefined ? Promise.resolve(value) : Promise.reject(this.of.fault)
  }
}

const empty = new IspdbFolder(join(tmpdir(), 'postino-no-such-folder'))
const look = (facts: Facts, more: Partial<DiscoverOptions> = {}, address = 'mario@posta.example'): Promise<Discovery> =>
  discover(address, { offline: false, look: facts, ispdb: empty, ...more })

function ispdbOf(t: TestContext, files: Readonly<Record<string, string>>, index: object): IspdbFolder {
  const folder = mkdtempSync(join(tmpdir(), 'postino-ispdb-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index))
  return new IspdbFolder(folder)
}

const record = (name: string, port: number, priority = 0, weight = 0): SrvRecord => ({ name, port, priority, weight })

test('a provider that is known is asked nothing; offline, nobody is asked anything', async () => {
  const facts = new Facts()
  const known = await look(facts, {}, 'Mario@libero.it')
  assert.deepEqual(
    [known.found?.server, known.found?.login, known.found?.source],
    ['popmail.libero.it', 'Mario@libero.it', 'table'],
  )
  const unknown = await look(facts, { offline: true })
  assert.equal(unknown.found, undefined)
  assert.deepEqual(
    unknown.tried.map(({ step }) => step),
    ['table', 'ispdb'],
  )
  assert.deepEqual(facts.asked, [])
})

test('the steps come in their order, each told as it begins, until one finds something', async () => {
  const steps: Step[] = []
  const facts = new Facts()
  const { found, tried } = await look(facts, { onStep: (step) => steps.push(step) })
  assert.equal(found, undefined)
  assert.deepEqual(steps, ['table', 'ispdb', 'srv', 'autoconfig', 'ispdb-online', 'mx', 'probe'])
  assert.deepEqual(
    tried.map(({ step }) => step),
    steps,
  )
  assert.deepEqual(facts.asked, [
    'srv _pop3s._tcp.posta.example',
    'srv _pop3._tcp.posta.example',
    'srv _imaps._tcp.posta.example',
    'srv _imap._tcp.posta.example',
    'page https://autoconfig.posta.example/mail/config-v1.1.xml?emailaddress=mario%40posta.example',
    'page https://posta.example/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=mario%40posta.example',
    'page https://autoconfig.thunderbird.net/v1.1/posta.example',
    'mx posta.example',
    'hello pop3 pop3.posta.example 995 implicit',
    'hello pop3 pop.posta.example 995 implicit',
    'hello pop3 mail.posta.example 995 implicit',
    'hello pop3 pop3.posta.example 110 starttls',
    'hello pop3 pop.posta.example 110 starttls',
    'hello pop3 mail.posta.example 110 starttls',
    'hello imap imap.posta.example 993 implicit',
    'hello imap mail.posta.example 993 implicit',
    'hello imap imap.posta.example 143 starttls',
    'hello imap mail.posta.example 143 starttls',
  ])
})

test('--protocol asks for that protocol alone', async () => {
  const facts = new Facts()
  await look(facts, { protocol: 'imap' })
  assert.deepEqual(
    facts.asked.filter((asked) => /pop3/.test(asked)),
    [],
  )
  assert.equal((await look(facts, { protocol: 'imap' }, 'mario@gmail.com')).found?.server, 'imap.gmail.com')
})

test('a provider that is known not to have it ends the search', async () => {
  const facts = new Facts()
  const { closed } = await look(facts, { protocol: 'pop3' }, 'mario@icloud.com')
  assert.match(closed ?? '', /iCloud Mail has no POP3; there is --protocol imap/)
  assert.equal((await look(facts, {}, 'mario@icloud.com')).found?.protocol, 'imap')
  assert.match((await look(facts, {}, 'mario@proton.me')).closed ?? '', /neither POP3 nor IMAP/)
  assert.deepEqual(facts.asked, [])
  const mx = new Facts({ mx: [{ exchange: 'mail.protonmail.ch', priority: 10 }] })
  assert.match((await look(mx)).closed ?? '', /neither POP3 nor IMAP/)
})

test("Thunderbird's ISPDB, as shipped, comes second; a file of it that is damaged stops nothing", async (t) => {
  const files = { 'posta.xml': config('pop.posta.example'), 'broken.xml': '<clientConfig' }
  const domains = { 'posta.example': 'posta.xml', 'broken.example': 'broken.xml', 'out.example': '../../etc/passwd' }
  const ispdb = ispdbOf(t, files, { domains, hosts: ['pop.posta.example'] })
  const good = await look(new Facts(), { ispdb, offline: true })
  assert.deepEqual([good.found?.server, good.found?.source], ['pop.posta.example', 'ispdb'])
  for (const domain of ['broken.example', 'out.example']) {
    const { found, tried } = await look(new Facts(), { ispdb, offline: true }, `mario@${domain}`)
    assert.equal(found, undefined)
    assert.match(tried[1]?.why ?? '', /cannot be read: .*npm run ispdb/)
  }
  assert.match(
    (await look(new Facts(), { ispdb, offline: true }, 'x@constructor')).tried[1]?.why ?? '',
    /does not know it/,
  )
})

test('SRV: the best of what is offered, TLS from the start before STARTTLS, POP3 before IMAP, never "."', async () => {
  const srv = {
    '_pop3s._tcp.posta.example': [record('.', 0)],
    '_pop3._tcp.posta.example': [
      record('pop-b.posta.example', 110, 20),
      record('pop-c.posta.example', 110, 10, 1),
      record('Pop-A.posta.example.', 1110, 10, 9),
    ],
    '_imaps._tcp.posta.example': [record('imap.posta.example', 993)],
  }
  const { found } = await look(new Facts({ srv }))
  assert.deepEqual(
    [found?.protocol, found?.server, found?.port, found?.tls, found?.source],
    ['pop3', 'pop-a.posta.example', 1110, 'starttls', 'srv'],
  )
  assert.match(found?.notes.join() ?? '', /--login mario/)
  assert.equal(
    (
      await look(
        new Facts({
          srv: { ...srv, '_pop3._tcp.posta.example': [], '_imap._tcp.posta.example': [record('i.posta.example', 143)] },
        }),
      )
    ).found?.server,
    'imap.posta.example',
  )
})

test('RFC 8314 §5.1: an SRV record of another domain is taken if it is a known provider, else if the person says so, and last', async (t) => {
  const to = (host: string): Facts['of'] => ({ srv: { '_pop3s._tcp.posta.example': [record(host, 995)] } })
  const gmail = await look(new Facts(to('pop.gmail.com')))
  assert.equal(gmail.found?.issuer, 'google')
  const evil = new Facts(to('pop.evil.example'))
  const refused = await look(evil)
  assert.equal(refused.found, undefined)
  assert.match(
    refused.tried.find(({ step }) => step === 'srv')?.why ?? '',
    /its DNS names pop\.evil\.example port 995, and nothing proves/,
  )
  assert.equal((await look(new Facts(to('pop.notposta.example')))).found, undefined)
  assert.equal((await look(new Facts(to('posta.example')))).found?.server, 'posta.example')
  const seen: string[] = []
  const sure = await look(evil, { confirm: (found) => Promise.resolve(seen.push(found.server) > 0) })
  assert.deepEqual([sure.found?.server, seen], ['pop.evil.example', ['pop.evil.example']])
  // What proves itself goes before it.
  const both = new Facts({
    ...to('pop.hoster.example'),
    pages: { 'https://autoconfig.posta.example/mail/config-v1.1.xml': config('pop.hoster.example') },
  })
  assert.equal((await look(both, { confirm: () => assert.fail('nobody need be asked') })).found?.source, 'autoconfig')
  const ispdb = ispdbOf(t, {}, { domains: { 'h.example': 'h.xml' }, hosts: ['pop.hoster.example'] })
  assert.equal((await look(new Facts(to('pop.hoster.example')), { ispdb })).found?.source, 'srv')
})

test('autoconfig: the own host of the domain before its web server; a page that is no such file counts as none', async () => {
  const own = 'https://autoconfig.posta.example/mail/config-v1.1.xml'
  const known = 'https://posta.example/.well-known/autoconfig/mail/config-v1.1.xml'
  const both = new Facts({ pages: { [own]: config('a.posta.example'), [known]: config('b.posta.example') } })
  assert.equal((await look(both)).found?.server, 'a.posta.example')
  const second = new Facts({ pages: { [own]: '<html>404</html>', [known]: config('b.posta.example') } })
  const { found } = await look(second)
  assert.deepEqual([found?.server, found?.from], ['b.posta.example', 'the settings that posta.example tells'])
})

test("Thunderbird's ISPDB on the network, and by the domain of the MX host; of the address it hears the domain alone", async () => {
  const online = new Facts({
    pages: { 'https://autoconfig.thunderbird.net/v1.1/posta.example': config('p.example.it') },
  })
  assert.equal((await look(online)).found?.source, 'ispdb-online')
  const mx = new Facts({
    mx: [
      { exchange: 'backup.other.example', priority: 20 },
      { exchange: 'mx1.in.hoster.example', priority: 10 },
    ],
    pages: { 'https://autoconfig.thunderbird.net/v1.1/hoster.example': config('pop.hoster.example', 'hoster.example') },
  })
  const { found } = await look(mx)
  assert.deepEqual([found?.server, found?.source], ['pop.hoster.example', 'mx'])
  const told = [...online.asked, ...mx.asked].filter((asked) => asked.includes('thunderbird'))
  assert.ok(told.length >= 3)
  assert.ok(told.every((asked) => !asked.includes('mario')))
})

test('MX: the provider that takes the mail of the domain, the first in priority', async (t) => {
  const mx = [
    { exchange: 'mx.somewhere.example', priority: 5 },
    { exchange: 'mx.aruba.it', priority: 10 },
    { exchange: 'aspmx.l.google.com', priority: 20 },
  ]
  const { found } = await look(new Facts({ mx }))
  assert.deepEqual([found?.server, found?.login, found?.source], ['pop3s.aruba.it', 'mario@posta.example', 'mx'])
  const icloud = await look(new Facts({ mx: [{ exchange: 'mx01.mail.icloud.com', priority: 10 }] }))
  assert.equal(icloud.found?.loginKnown, false)
  assert.match(icloud.found?.notes[0] ?? '', /--login/)
  const files = { 'h.xml': config('pop.hoster.example', 'hoster.example') }
  const ispdb = ispdbOf(t, files, { domains: { 'hoster.example': 'h.xml' }, hosts: [] })
  const shipped = new Facts({ mx: [{ exchange: 'mx.eu.hoster.example', priority: 1 }] })
  assert.equal((await look(shipped, { ispdb })).found?.server, 'pop.hoster.example')
  const none = await look(new Facts({ mx: [{ exchange: '', priority: 0 }] }))
  assert.match(none.tried.find(({ step }) => step === 'mx')?.why ?? '', /no MX/)
})

test('knocking: the best that says hello, in the order of preference, not the first to answer', async () => {
  const facts = new Facts({
    hello: [
      'imap imap.posta.example 993 implicit',
      'pop3 mail.posta.example 995 implicit',
      'pop3 pop.posta.example 110 starttls',
    ],
  })
  const { found } = await look(facts)
  assert.deepEqual(
    [found?.protocol, found?.server, found?.port, found?.tls, found?.source],
    ['pop3', 'mail.posta.example', 995, 'implicit', 'probe'],
  )
})

test('no network: told after two silent steps; a step that fails for another reason stops nothing', async () => {
  const silent = await look(new Facts({ fault: new PeerError('timed-out', 'no name server answers') }))
  assert.deepEqual(
    silent.tried.map(({ step }) => step),
    ['table', 'ispdb', 'srv', 'autoconfig'],
  )
  assert.equal(silent.noNetwork, true)
  assert.match(silent.tried[2]?.why ?? '', /SRV records of the domain: no name server answers/)
  const odd = await look(new Facts({ fault: new PeerError('protocol', 'the name server gave no answer (ESERVFAIL)') }))
  assert.deepEqual([odd.tried.length, odd.noNetwork], [7, undefined])
})

test('a fault of the program is no answer, and what has no domain is a misuse', async () => {
  const broken = new Facts()
  broken.mx = () => Promise.reject(new TypeError('x is not a function'))
  await assert.rejects(look(broken), TypeError)
  await assert.rejects(look(new Facts(), {}, 'mario'), MisuseError)
  await assert.rejects(look(new Facts(), { signal: AbortSignal.abort() }), PeerError)
})

test('domains outside ASCII are asked about as DNS has them', async () => {
  const facts = new Facts()
  await look(facts, {}, 'mario@bücher.example')
  assert.ok(facts.asked.includes('mx xn--bcher-kva.example'))
})
