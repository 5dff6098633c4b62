import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { connect as secure } from 'node:tls'
import { MaildropRefused, type OpenMaildropFor } from '../../src/doors/open-maildrop.ts'
import { Pop3Door } from '../../src/doors/serve-pop3.ts'
import { StoreError } from '../../src/errors.ts'
import { makeCertificate } from '../../src/net/certificate.ts'
import { Maildrop } from '../../src/pop3/maildrop.ts'
import { entry, isRight, keysFor, languagesOf, refusals, sayWhy } from './engine-line.ts'
import { follow, type Line } from './follow.ts'
import { socketLine } from './socket-line.ts'
import { readTranscripts, type Transcript, type TranscriptMessage } from './transcript.ts'

const certificate = makeCertificate()
const usualPolicy = { expire: 'never', loginDelay: 0 } as const

/** The maildrop of a transcript, which lasts over connections; reading, removing and opening fail where the transcript says so. */
function opens(transcript: Transcript): OpenMaildropFor {
  const { options } = transcript
  let left = transcript.messages
  return () => {
    const refusal = refusals.find((reason) => options.has(reason))
    if (refusal !== undefined) return Promise.reject(new MaildropRefused(refusal, sayWhy[refusal]))
    const messages = left
    return Promise.resolve({
      maildrop: Maildrop.of(messages.map(entry)),
      policy: transcript.userPolicy ?? transcript.policy ?? usualPolicy,
      read(number, take) {
        const message = messages[number - 1]
        if (message?.trouble === 'breaks') void take([message.kept.subarray(0, message.kept.indexOf(10) + 1)])
        if (message === undefined || message.trouble !== undefined) throw new StoreError('damaged', 'it is damaged')
        void take([message.kept])
        return undefined
      },
      update(wanted) {
        if (options.has('nothing-removed')) return Promise.reject(new StoreError('disk-full', 'the disk is full'))
        const removed = options.has('one-removed') ? wanted.slice(0, 1) : wanted
        left = messages.filter((_: TranscriptMessage, place) => !removed.includes(place + 1))
        return Promise.resolve(removed.length)
      },
      close() {},
    })
  }
}

for (const transcript of readTranscripts()) {
  test(`door: ${transcript.name}`, async (t) => {
    if (transcript.door !== undefined) return t.skip(transcript.door)
    const { options, mechanisms, policy } = transcript
    const languages = languagesOf(transcript)
    const door = new Pop3Door({
      authenticator: {
        authenticate: (credentials) => Promise.resolve(isRight(credentials) ? { user: 'mario' } : undefined),
        keys: (login) => Promise.resolve(keysFor(login)),
        ...(mechanisms && { mechanisms }),
      },
      openMaildrop: opens(transcript),
      tls: options.has('stls') || options.has('tls') ? () => certificate : undefined,
      // Everything is loopback here, where a log-in in the clear is allowed: this stands for any other address.
      clearLoginFrom: options.has('no-clear-login') ? 'nowhere' : 'loopback',
      ...(policy && { policy }),
      ...(languages && { languages }),
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
    await follow(transcript, open)
  })
}
