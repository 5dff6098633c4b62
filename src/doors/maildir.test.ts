import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { flagsOfName, folderOfMailbox, lettersOf, mailboxOfFolder } from './maildir.ts'

test('the letters of a file name are flags, and flags are letters again in their order', () => {
  const all = ['\\Draft', '\\Flagged', '$Forwarded', '\\Answered', '\\Seen', '\\Deleted']
  assert.deepEqual(flagsOfName('1.2.host,S=3:2,DFPRST'), all)
  assert.deepEqual(flagsOfName('1.2.host;2,S'), ['\\Seen'])
  assert.deepEqual(flagsOfName('1.2.host:2,Sab'), ['\\Seen'])
  assert.deepEqual(flagsOfName('1.2.host'), [])
  assert.equal(lettersOf(['\\deleted', 'work', '\\Seen', '$Forwarded']), 'PST')
})

test('a mailbox has its Maildir++ folder as other servers name it', () => {
  assert.equal(folderOfMailbox('A/B'), '.A.B')
  // RFC 3501 §5.1.3's own example.
  assert.equal(folderOfMailbox('~peter/mail/台北/日本語'), '.~peter.mail.&U,BTFw-.&ZeVnLIqe-')
  assert.equal(mailboxOfFolder('.~peter.mail.&U,BTFw-.&ZeVnLIqe-'), '~peter/mail/台北/日本語')
  assert.equal(folderOfMailbox('Tom & Jerry'), '.Tom &- Jerry')
})

test('no mailbox name leads out of the Maildir, and each comes back', () => {
  const part = fc.constantFrom('a', '/', '..', '.', 'é', '&', '\\', '-', '𝄞', ' ', '%', '\n')
  const name = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(name, (mailbox) => {
      const folder = folderOfMailbox(mailbox)
      assert.match(folder, /^\.[^./\0\n][^/\0\n]*$/)
      assert.equal(mailboxOfFolder(folder), mailbox)
    }),
    { numRuns: 2000 },
  )
})
