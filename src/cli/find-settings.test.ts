import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { IspdbFolder } from '../accounts/discovery/ispdb-folder.ts'
import type { Look } from '../accounts/discovery/look.ts'
import { MisuseError, PeerError } from '../errors.ts'
import { findSettings, type SettingsWords } from './find-settings.ts'

const nobody: Look = {
  srv: () => Promise.resolve([]),
  mx: () => Promise.resolve([]),
  page: () => Promise.resolve(undefined),
  hello: () => Promise.reject(new PeerError('unreachable', 'nobody')),
}
const ways = { look: nobody, ispdb: new IspdbFolder(join(tmpdir(), 'postino-no-such-folder')) }

const settings = async (address: string, words: SettingsWords = {}): Promise<unknown[]> => {
  const { protocol, server, port, tls, login } = await findSettings(address, words, ways)
  return [protocol, server, port, tls, login]
}

test('--server: its port says protocol and TLS, where nothing else does', async () => {
  const at = async (server: string, words: SettingsWords = {}): Promise<unknown[]> =>
    (await settings('x@example.it', { server, ...words })).slice(0, 4)
  assert.deepEqual(await at('pop.example.it'), ['pop3', 'pop.example.it', 995, 'implicit'])
  assert.deepEqual(await at('pop.example.it:110'), ['pop3', 'pop.example.it', 110, 'starttls'])
  assert.deepEqual(await at('pop.example.it:1100'), ['pop3', 'pop.example.it', 1100, 'implicit'])
  assert.deepEqual(await at('mail.example.it:993'), ['imap', 'mail.example.it', 993, 'implicit'])
  assert.deepEqual(await at('mail.example.it:143'), ['imap', 'mail.example.it', 143, 'starttls'])
  assert.deepEqual(await at('pop.example.it', { tls: 'starttls' }), ['pop3', 'pop.example.it', 110, 'starttls'])
  assert.deepEqual(await at('mail.example.it', { protocol: 'imap' }), ['imap', 'mail.example.it', 993, 'implicit'])
  assert.deepEqual(await at('127.0.0.1:1110', { tls: 'none' }), ['pop3', '127.0.0.1', 1110, 'none'])
  assert.deepEqual(await at('[::1]:1110', { tls: 'none' }), ['pop3', '::1', 1110, 'none'])
  assert.deepEqual(await at('::1'), ['pop3', '::1', 995, 'implicit'])
  for (const wrong of ['', 'a b', 'pop3://x', 'host:', 'host:0', 'host:99999', 'user@host', '[::1', ':995'])
    await assert.rejects(at(wrong), MisuseError, wrong)
  await assert.rejects(at('host', { tls: 'always' }), /--tls always: give one of implicit, starttls, none/)
  await assert.rejects(at('host', { protocol: 'jmap' }), /--protocol jmap: give one of pop3, imap/)
})

test('--server of a provider that is known: what is known of it counts, whatever the address', async () => {
  const gmail = await findSettings('mario@acme.example', { server: 'imap.gmail.com' }, ways)
  assert.deepEqual([gmail.protocol, gmail.port, gmail.issuer, gmail.source], ['imap', 993, 'google', 'given'])
  assert.match(gmail.notes.join(), /app password/)
  const tim = await findSettings('mario@acme.example', { server: 'pop.tim.it' }, ways)
  assert.deepEqual([tim.port, tim.tls], [110, 'starttls'])
  const office = await findSettings('mario@acme.example', { server: 'outlook.office365.com:995' }, ways)
  assert.equal(office.auth, 'oauth')
  assert.deepEqual(office.limits, {})
  const icloud = await findSettings('mario@icloud.com', { server: 'imap.mail.me.com' }, ways)
  assert.deepEqual([icloud.protocol, icloud.login], ['imap', 'mario'])
})

test('what the person says goes before what is found', async () => {
  assert.deepEqual(await settings('x@gmail.com', { tls: 'starttls' }), [
    'pop3',
    'pop.gmail.com',
    110,
    'starttls',
    'x@gmail.com',
  ])
  assert.deepEqual(await settings('x@gmail.com', { protocol: 'imap', login: 'y' }), [
    'imap',
    'imap.gmail.com',
    993,
    'implicit',
    'y',
  ])
  const asked = await findSettings('x@legalmail.it', {}, ways)
  assert.match(asked.notes.join(), /user id of your contract, such as M1234567, .*--login/)
  const given = await findSettings('x@legalmail.it', { login: 'M1234567' }, ways)
  assert.equal(given.login, 'M1234567')
  assert.doesNotMatch(given.notes.join(), /--login/)
})

test('where nothing is found, the error says what was tried, and what to do', async () => {
  await assert.rejects(settings('mario@posta.example'), (error) => {
    assert(error instanceof MisuseError)
    assert.equal(
      error.message,
      "no server was found for posta.example: it has no SRV records; it tells no settings (autoconfig); Thunderbird's ISPDB does not know it; " +
        'it has no MX records; nobody answers at pop3.posta.example, pop.posta.example, mail.posta.example, imap.posta.example; ' +
        'give it with --server HOST[:PORT]',
    )
    return true
  })
  await assert.rejects(
    settings('mario@posta.example', { offline: true }),
    /the server of posta\.example is not known here, and nothing was looked for on the network: give it with --server HOST/,
  )
  const silence = (): Promise<never> => Promise.reject(new PeerError('timed-out', 'no name server answers'))
  await assert.rejects(
    findSettings(
      'x@posta.example',
      {},
      { ...ways, look: { srv: silence, mx: silence, page: silence, hello: silence } },
    ),
    /posta\.example is not known here, and nobody on the network answers: connect, or give it with --server HOST/,
  )
  await assert.rejects(settings('mario'), /mario has no domain .* give it with --server HOST/)
  await assert.rejects(
    settings('mario@icloud.com', { protocol: 'pop3' }),
    /^MisuseError: mario@icloud\.com cannot be fetched: iCloud Mail has no POP3; there is --protocol imap$/,
  )
})
