import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counters, metricsText } from './serve-counters.ts'

test('metrics come in Prometheus’ form: HELP and TYPE once, then the values, labels escaped', () => {
  const counters = new Counters()
  counters.add('postino_sessions_total', { service: 'pop3', end: 'quit' })
  counters.add('postino_sessions_total', { service: 'pop3', end: 'quit' })
  counters.add('postino_sessions_total', { service: 'pop3s', end: 'a "b" \\ c\nd' })
  counters.add('postino_messages_deleted_total', {}, 0)
  assert.equal(
    metricsText(counters.tally.all(), [['postino_sessions', { service: 'pop3' }, 0]]),
    `# HELP postino_sessions Sessions that are open now.
# TYPE postino_sessions gauge
postino_sessions{service="pop3"} 0
# HELP postino_sessions_total Sessions that are over, by how they ended.
# TYPE postino_sessions_total counter
postino_sessions_total{service="pop3",end="quit"} 2
postino_sessions_total{service="pop3s",end="a \\"b\\" \\\\ c\\nd"} 1
# HELP postino_login_seconds How long a log-in took, from the last word of the client to the answer.
# TYPE postino_login_seconds histogram
${[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, '+Inf'].map((le) => `postino_login_seconds_bucket{le="${le}"} 0`).join('\n')}
postino_login_seconds_sum 0
postino_login_seconds_count 0
`,
  )
})

test('a histogram counts up to each bound', () => {
  const counters = new Counters()
  for (const milliseconds of [1, 3, 3, 20_000]) counters.logIn('pop3', 'ok', milliseconds)
  const text = metricsText(counters.tally.all(), [])
  const value = (name: string): string | undefined => text.split('\n').find((line) => line.startsWith(`${name} `))
  assert.match(value('postino_login_seconds_bucket{le="0.001"}') ?? '', / 1$/)
  assert.match(value('postino_login_seconds_bucket{le="0.0025"}') ?? '', / 1$/)
  assert.match(value('postino_login_seconds_bucket{le="0.005"}') ?? '', / 3$/)
  assert.match(value('postino_login_seconds_bucket{le="10"}') ?? '', / 3$/)
  assert.match(value('postino_login_seconds_bucket{le="+Inf"}') ?? '', / 4$/)
  assert.match(value('postino_login_seconds_count') ?? '', / 4$/)
  assert.match(value('postino_login_seconds_sum') ?? '', / 20\.007$/)
  assert.match(value('postino_logins_total{service="pop3",result="ok"}') ?? '', / 4$/)
})

test('what workers count is added up', () => {
  const all = new Counters()
  const told: string[] = []
  const worker = new Counters(() => told.push('fresh'))
  worker.add('postino_sent_octets_total', {}, 10)
  for (const [name, by] of worker.tally.changes()) all.tally.add(name, by)
  worker.add('postino_sent_octets_total', {}, 5)
  for (const [name, by] of worker.tally.changes()) all.tally.add(name, by)
  assert.equal(all.tally.count('postino_sent_octets_total'), 15)
  assert.equal(told.length, 2)
})
