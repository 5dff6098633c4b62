import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { postino } from './postino.ts'

/** Four messages in a Maildir: two of a thread, one that was read, one with a long name of a file. */
const letters = [
  ['1000.a.host:2,S', 'Cena', '<a@x>', '', 'Pizza?'],
  ['2000.b.host:2,', 'Re: Cena', '<b@x>', '<a@x>', 'Meglio sushi, dice Anna'],
  ['3000.c.host:2,F', 'Bolletta', '<c@x>', '', 'Luce e gas, con pizza'],
  ['4000.d.host:2,', 'Altro', '<d@x>', '', `niente ${'e ancora niente '.repeat(400)}`],
] as const

async function mail(t: TestContext): Promise<Awaited<ReturnType<typeof postino>>> {
  const home = await postino(t)
  const folder = join(home.data, '..', 'maildir')
  for (const name of ['cur', 'new', 'tmp']) await mkdir(join(folder, name), { recursive: true })
  for (const [at, [name, subject, id, references, text]] of letters.entries()) {
    const head = `From: Anna <anna@example.it>\nSubject: ${subject}\nMessage-ID: ${id}\n`
    const date = `Date: Mon, 5 Jan 2026 0${at}:00:00 +0000\n`
    const more = references === '' ? '' : `References: ${references}\n`
    await writeFile(join(folder, 'cur', name), `${head}${date}${more}\n${text}\n`)
  }
  assert.equal((await home.run(['import', folder])).code, 0)
  return home
}

test('search takes a query with OR, a minus, brackets and filters, in one word of the shell or several', async (t) => {
  const { json, run } = await mail(t)
  const subjects = async (...words: readonly string[]): Promise<unknown[]> =>
    (await json(['search', ...words])).map(({ subject }) => subject)
  assert.deepEqual(await subjects('(pizza OR sushi) -luce'), ['Re: Cena', 'Cena'])
  assert.deepEqual(await subjects('pizza', '-luce'), ['Cena'])
  assert.deepEqual(await subjects('-luce', 'pizza'), ['Cena'])
  assert.deepEqual(await subjects('pizza', '-luce', '--limit', '5', '--sort', 'oldest'), ['Cena'])
  const { stdout } = await run(['--json', 'search', '--', '-luce -niente'])
  assert.deepEqual(stdout.match(/(?<="subject":")[^"]*/g), ['Re: Cena', 'Cena'])
  assert.deepEqual(await subjects('is:unread'), ['Altro', 'Bolletta', 'Re: Cena'])
  assert.deepEqual(await subjects('is:flagged OR larger:5k'), ['Altro', 'Bolletta'])
  assert.deepEqual(await subjects('is:read'), ['Cena'])
  assert.deepEqual(await subjects('pizza', '--sort', 'oldest'), ['Cena', 'Bolletta'])
  assert.deepEqual(await subjects('pizza', '--sort', 'date'), ['Bolletta', 'Cena'])
  // Of a shorter text, the word is more.
  assert.deepEqual(await subjects('pizza', '--sort', 'relevance'), ['Cena', 'Bolletta'])
  for (const [words, says] of [
    [['pizza', '--sort', 'size'], /--sort size: write date, oldest or relevance/],
    [['pizza', '--limt', '5'], /unknown option '--limt'/],
    [['(pizza'], /bracket is not closed/],
    [['larger:much'], /larger:much is not a size/],
  ] as const) {
    const { code, stderr } = await run(['search', ...words])
    assert.equal(code, 2)
    assert.match(stderr, says)
  }
})

test('search --thread shows whole threads, and says which of their messages match', async (t) => {
  const { json, run } = await mail(t)
  const found = await json(['search', '--thread', 'sushi OR luce'])
  assert.deepEqual(
    found.map(({ id, thread, depth, subject, snippet }) => [id, thread, depth, subject, snippet]),
    [
      [3, 3, 0, 'Bolletta', '[Luce] e gas, con pizza'],
      [1, 1, 0, 'Cena', null],
      [2, 1, 1, 'Re: Cena', 'Meglio [sushi], dice Anna'],
    ],
  )
  const { stdout, stderr } = await run(['search', '--thread', 'sushi', '--limit', '1'])
  assert.deepEqual(
    stdout.split('\n').map((line) => line.split('\t').slice(3).join('|')),
    ['Cena||1|0', 'Re: Cena|Meglio [sushi], dice Anna|1|1', ''],
  )
  assert.match(stderr, /1 thread found/)
})
