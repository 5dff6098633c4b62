import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { connect as secure } from 'node:tls'
import { Pop3Door } from '../../src/doors/serve-pop3.ts'
import { StoreError } from '../../src/errors.ts'
import { makeCertificate } from '../../src/net/certificate.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { MessageId, UniqueId } from '../../src/ids.ts'
import type { UserMail } from '../../src/store/store.ts'
import { follow, type Line } from './follow.ts'
import { socketLine } from './socket-line.ts'
import { readTranscripts, type Transcript } from './transcript.ts'

const certificate = makeCertificate()

/** The maildrop of a transcript in a memory store; reading fails where the transcript says so. */
async function keep(transcript: Transcript): Promise<UserMail> {
  const store = new MemoryStore()
  const mail = await store.open('mario')
  const ids: MessageId[] = []
  for (const message of transcript.messages) {
    const staging = mail.stage('unknown')
    await staging.write(message.kept)
    const staged = await staging.finish()
    const uniqueId = message.uniqueId as UniqueId
    ids.push(
      await mail.change((draft) => draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 1, uniqueId })),
    )
  }
  async function* bytes(id: MessageId): AsyncIterable<Uint8Array> {
    const message = transcript.messages[ids.indexOf(id)]
    if (message?.trouble === 'breaks') yield message.kept.subarray(0, message.kept.indexOf(10) + 1)
    if (message?.trouble !== undefined) throw new StoreError('damaged', `message ${id} is damaged`)
    yield* mail.bytes(id)
  }
  return {
    user: mail.user,
    bytes,
    lend: (id, take) => {
      const message = transcript.messages[ids.indexOf(id)]
      if (message?.trouble === 'breaks') void take([message.kept.subarray(0, message.kept.indexOf(10) + 1)])
      if (message?.trouble !== undefined) throw new StoreError('damaged', `message ${id} is damaged`)
      return mail.lend(id, take)
    },
    read: (look) => mail.read(look),
    change: (work) => mail.change(work),
    stage: (form) => mail.stage(form),
    close: () => mail.close(),
  }
}

for (const transcript of readTranscripts()) {
  test(`door: ${transcript.name}`, async (t) => {
    const { options } = transcript
    const mail = await keep(transcript)
    const door = new Pop3Door({
      open: () => Promise.resolve(mail),
      authenticate: (login, password) =>
        Promise.resolve(login === 'mario' && password === 'secret' ? 'mario' : undefined),
      tls: options.has('stls') || options.has('tls') ? () => certificate : undefined,
      // Everything is loopback here, where a log-in in the clear is allowed: this stands for any other address.
      clearLoginFrom: options.has('no-clear-login') ? 'nowhere' : 'loopback',
    })
    t.after(() => door.close())
    const at = await door.listen({ host: '127.0.0.1', port: 0, tls: options.has('tls') })
    const open = async (): Promise<Line> => {
      const socket = options.has('tls')
        ? secure({ ...at, rejectUnauthorized: false })
        : connect({ ...at, allowHalfOpen: true })
      await once(socket, options.has('tls') ? 'secureConnect' : 'connect')
      return socketLine(socket)
    }
    if (options.has('in-use')) {
      const other = connect(at)
      t.after(() => other.destroy())
      other.write('USER mario\r\nPASS secret\r\nNOOP\r\n')
      let said = ''
      while (said.split('+OK').length < 5) said += String(await once(other, 'data'))
    }
    await follow(transcript, open)
  })
}
