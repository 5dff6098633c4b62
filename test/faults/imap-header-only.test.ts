import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImapBench } from './imap-bench.ts'

test('a header that was removed here is not asked for again; the whole message comes when it may', async () => {
  await using bench = await ImapBench.open()
  const octets = `Subject: large\r\nMessage-ID: <l@x>\r\n\r\n${'x'.repeat(500)}\r\n`
  bench.server.put('INBOX', octets)
  const choice = { largest: 200, beyond: 'header' } as const
  await bench.fetch({ choice })
  const [[, header] = []] = await bench.messages()
  assert.deepEqual(header?.flags, ['$HeaderOnly'])
  await bench.mail.change((draft) => header && draft.remove(header.id))
  bench.server.commands.length = 0
  assert.equal((await bench.fetch({ choice })).error, undefined)
  assert.deepEqual(
    bench.server.said('UID FETCH').filter((line) => line.includes('HEADER')),
    [],
  )
  assert.equal((await bench.fetch()).new, 1)
  assert.deepEqual(await bench.home(), { INBOX: [octets] })
})
