import { test } from 'node:test'
import { Pop3Server } from '../../src/pop3/server.ts'
import { engineLines } from './engine-line.ts'
import { follow } from './follow.ts'
import { readTranscripts } from './transcript.ts'

for (const transcript of readTranscripts()) {
  for (const size of [1, 7, Infinity]) {
    test(`server engine, chunks of ${size}: ${transcript.name}`, () =>
      follow(
        transcript,
        engineLines(transcript, (options) => new Pop3Server(options), size),
      ))
  }
}
