import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postino } from './postino.ts'

// Issue 4, show 1: `account add ADDRESS --offline` prints the settings of every provider that is known, without a look at the network.

type Expected = readonly [domain: string, protocol: 'pop3' | 'imap', server: string, port: number, tls: string]

const usual: readonly Expected[] = [
  ['aruba.it', 'pop3', 'pop3s.aruba.it', 995, 'implicit'],
  ['pec.it', 'pop3', 'pop3s.pec.aruba.it', 995, 'implicit'],
  ['arubapec.it', 'pop3', 'pop3s.pec.aruba.it', 995, 'implicit'],
  ['libero.it', 'pop3', 'popmail.libero.it', 995, 'implicit'],
  ['inwind.it', 'pop3', 'popmail.libero.it', 995, 'implicit'],
  ['iol.it', 'pop3', 'popmail.libero.it', 995, 'implicit'],
  ['blu.it', 'pop3', 'popmail.libero.it', 995, 'implicit'],
  ['giallo.it', 'pop3', 'popmail.libero.it', 995, 'implicit'],
  ['virgilio.it', 'pop3', 'in.virgilio.it', 995, 'implicit'],
  ['tim.it', 'pop3', 'pop.tim.it', 110, 'starttls'],
  ['alice.it', 'pop3', 'in.alice.it', 110, 'starttls'],
  ['tin.it', 'pop3', 'in.alice.it', 110, 'starttls'],
  ['tiscali.it', 'pop3', 'pop.tiscali.it', 995, 'implicit'],
  ['register.it', 'pop3', 'pop.securemail.pro', 995, 'implicit'],
  ['securemail.pro', 'pop3', 'pop.securemail.pro', 995, 'implicit'],
  ['postecert.it', 'pop3', 'mail.postecert.it', 995, 'implicit'],
  ['legalmail.it', 'pop3', 'mbox.cert.legalmail.it', 995, 'implicit'],
  ['gmail.com', 'pop3', 'pop.gmail.com', 995, 'implicit'],
  ['googlemail.com', 'pop3', 'pop.gmail.com', 995, 'implicit'],
  ['outlook.com', 'pop3', 'outlook.office365.com', 995, 'implicit'],
  ['hotmail.com', 'pop3', 'outlook.office365.com', 995, 'implicit'],
  ['hotmail.it', 'pop3', 'outlook.office365.com', 995, 'implicit'],
  ['live.com', 'pop3', 'outlook.office365.com', 995, 'implicit'],
  ['live.it', 'pop3', 'outlook.office365.com', 995, 'implicit'],
  ['msn.com', 'pop3', 'outlook.office365.com', 995, 'implicit'],
  ['acme.onmicrosoft.com', 'pop3', 'outlook.office365.com', 995, 'implicit'],
  ['yahoo.com', 'pop3', 'pop.mail.yahoo.com', 995, 'implicit'],
  ['yahoo.it', 'pop3', 'pop.mail.yahoo.com', 995, 'implicit'],
  ['fastmail.com', 'pop3', 'pop.fastmail.com', 995, 'implicit'],
  ['icloud.com', 'imap', 'imap.mail.me.com', 993, 'implicit'],
  ['me.com', 'imap', 'imap.mail.me.com', 993, 'implicit'],
  ['mac.com', 'imap', 'imap.mail.me.com', 993, 'implicit'],
  ['gmx.net', 'pop3', 'pop.gmx.net', 995, 'implicit'],
  ['gmx.de', 'pop3', 'pop.gmx.net', 995, 'implicit'],
  ['web.de', 'pop3', 'pop3.web.de', 995, 'implicit'],
]

/** What `--protocol imap` gives instead. */
const byImap: readonly Expected[] = [
  ['aruba.it', 'imap', 'imaps.aruba.it', 993, 'implicit'],
  ['pec.it', 'imap', 'imaps.pec.aruba.it', 993, 'implicit'],
  ['libero.it', 'imap', 'imapmail.libero.it', 993, 'implicit'],
  ['virgilio.it', 'imap', 'in.virgilio.it', 993, 'implicit'],
  ['tim.it', 'imap', 'imap.tim.it', 143, 'starttls'],
  ['tiscali.it', 'imap', 'imap.tiscali.it', 993, 'implicit'],
  ['register.it', 'imap', 'pop.securemail.pro', 993, 'implicit'],
  ['postecert.it', 'imap', 'mail.postecert.it', 993, 'implicit'],
  ['legalmail.it', 'imap', 'mbox.cert.legalmail.it', 993, 'implicit'],
  ['gmail.com', 'imap', 'imap.gmail.com', 993, 'implicit'],
]

/** A note that must be there: what the person has to know of each. */
const notes: Readonly<Record<string, RegExp>> = {
  'pec.it': /client password.*expires every three months/,
  'libero.it': /spam folder is not shown over POP3/,
  'legalmail.it': /user id .*M1234567.*--login[^]*6 messages a minute/,
  'gmail.com': /app password.*OAuth 2\.0/,
  'outlook.com': /takes no passwords, only OAuth 2\.0/,
  'yahoo.com': /app password.*OAuth 2\.0/,
  'fastmail.com': /app password.*OAuth 2\.0/,
  'gmx.net': /switched on/,
  'web.de': /switched on/,
}

const words = ['--offline', '--password-stdin', '--no-check']

test('account add --offline prints the settings of every provider that is known', { timeout: 300_000 }, async (t) => {
  const { json, run } = await postino(t)
  for (const [domain, protocol, server, port, tls] of usual) {
    const address = `mario.rossi@${domain}`
    const printed = await json(['account', 'add', address, ...words], { input: 'secret\n' })
    assert.equal(printed.length, 1, domain)
    const [shown = {}] = printed
    assert.deepEqual(
      [shown['address'], shown['protocol'], shown['server'], shown['port'], shown['tls'], shown['source']],
      [address, protocol, server, port, tls, 'table'],
    )
    const told = shown['notes']
    assert(Array.isArray(told))
    assert.match(told.join('\n'), notes[domain] ?? /^/, domain)
    const local = server === 'imap.mail.me.com'
    assert.equal(shown['login'], local ? 'mario.rossi' : address)
  }
  const listed = (await run(['account', 'list'])).stdout.trimEnd().split('\n')
  assert.equal(listed.length, usual.length)
})

test('with --protocol imap, those of IMAP', { timeout: 300_000 }, async (t) => {
  const { json } = await postino(t)
  for (const [domain, protocol, server, port, tls] of byImap) {
    const address = `mario.rossi@${domain}`
    const given = ['account', 'add', address, '--protocol', 'imap', ...words]
    const [shown = {}] = await json(given, { input: 'secret\n' })
    assert.deepEqual(
      [shown['protocol'], shown['server'], shown['port'], shown['tls']],
      [protocol, server, port, tls],
      domain,
    )
  }
})

test('stderr says what was found and from where, and what to know; a provider of OAuth 2.0 alone is no dead end', async (t) => {
  const { run } = await postino(t)
  const pec = await run(['account', 'add', 'mario@pec.it', ...words], { input: 'secret\n' })
  assert.equal(pec.code, 0, pec.stderr)
  assert.match(
    pec.stderr,
    /^mario@pec\.it: POP3 at pop3s\.pec\.aruba\.it port 995, from what Postino knows of Aruba PEC$/m,
  )
  assert.match(pec.stderr, /^note: with two-step log-in it wants a password for mail programs/m)
  const outlook = await run(['account', 'add', 'mario@outlook.it', ...words], { input: 'secret\n' })
  assert.equal(outlook.code, 0, outlook.stderr)
  assert.match(outlook.stderr, /^note: mario@outlook\.it takes no password, so none is kept$/m)
  assert.match(outlook.stdout, /^added mario@outlook\.it for \w+; `postino account login mario@outlook\.it` logs in$/m)
  const tried = await run(['account', 'add', 'mario@msn.com', '--offline', '--password-stdin'], { input: 'secret\n' })
  assert.equal(tried.code, 2)
  assert.match(tried.stderr, /mario@msn\.com takes no password, only OAuth 2\.0: leave out --password-stdin/)
})

test('--login goes before what is known, and then nothing is said of it', async (t) => {
  const { json } = await postino(t)
  const given = ['account', 'add', 'mario@legalmail.it', '--login', 'M1234567', ...words]
  const [shown = {}] = await json(given, { input: 'secret\n' })
  assert.equal(shown['login'], 'M1234567')
  assert.deepEqual(shown['notes'], ['it gives out at most 6 messages a minute, so a first fetch takes its time'])
})

test('what cannot be: 2, and what to do; nothing is kept', async (t) => {
  const { run, json } = await postino(t)
  const cases: [string[], RegExp][] = [
    [['mario@posta.example'], /the server of posta\.example is not known here, .*give it with --server HOST/],
    [['mario'], /mario has no domain .*--server HOST/],
    [['mario@icloud.com', '--protocol', 'pop3'], /iCloud Mail has no POP3; there is --protocol imap/],
    [['mario@proton.me'], /Proton Mail has neither POP3 nor IMAP/],
    [['mario@libero.it', '--protocol', 'jmap'], /--protocol jmap: give one of pop3, imap/],
    [['mario@libero.it', '--tls', 'always'], /--tls always: give one of implicit, starttls, none/],
  ]
  for (const [given, expected] of cases) {
    const { code, stdout, stderr } = await run(['account', 'add', ...given, ...words], { input: 'secret\n' })
    assert.equal(code, 2, stderr)
    assert.equal(stdout, '')
    assert.match(stderr, expected)
  }
  assert.deepEqual(await json(['account', 'list']), [])
})
