// What a fetch needs when it has come to its end: loaded while it waits for the server.
export { handedOn } from './fetch-hand-on.ts'
export { failedOutcome, outcomeOf } from './fetch-outcome.ts'
export { tellOutcome } from './fetch-telling.ts'
