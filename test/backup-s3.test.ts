import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listBackups } from '../src/backup/manifest.ts'
import { s3Place } from '../src/backup/s3-place.ts'
import { S3Target } from '../src/backup/s3-target.ts'
import { BackupHouse } from './backup-house.ts'
import { S3Server } from './s3-server.ts'

function targetAt(server: S3Server, options: { readBack?: boolean; url?: string; secret?: string } = {}): S3Target {
  const environment = {
    ...server.environment,
    ...(options.secret !== undefined && { AWS_SECRET_ACCESS_KEY: options.secret }),
  }
  const place = s3Place(options.url ?? 's3://mail/a place/of (mine)', {}, environment)
  return new S3Target(place, { readBack: options.readBack ?? false, pause: 1 })
}

test('S3: a backup, only what is new at the next, retention, and the way back', async () => {
  await using house = await BackupHouse.make()
  await using server = await S3Server.start()
  const target = targetAt(server)
  server.page = 3
  server.objects.set('something else', Buffer.from('of another'))
  await house.bring('mario', 'one', 'two')
  assert.deepEqual((await house.backUp({}, target)).problems, [])
  await house.bring('mario', 'three')
  server.asked.length = 0
  const report = await house.backUp({}, target)
  const put = server.asked.filter(({ method }) => method === 'PUT')
  assert.equal(put.length, 2)
  assert.equal(
    put.reduce((sum, { octets }) => sum + octets, 0),
    report.copied.octets,
  )
  assert.ok(put.every(({ key }) => key.startsWith('a place/of (mine)/')))
  const { into, problems } = await house.restored(undefined, target)
  assert.deepEqual(problems, [])
  assert.deepEqual(await house.subjects('mario', into), ['one', 'two', 'three'])
  assert.deepEqual(await house.subjects('mario', (await house.restored(1, target)).into), ['one', 'two'])

  await house.store((store) => store.remove('mario'))
  const { removed } = await house.backUp({ retention: { last: 1 } }, target)
  assert.deepEqual(removed.backups, [1, 2])
  assert.ok(removed.files >= 2)
  assert.ok(server.objects.has('something else'))
  assert.ok(![...server.objects.keys()].some((key) => key.includes('mario')))
  assert.deepEqual(await house.subjects('anna', (await house.restored(undefined, target)).into), ['anna'])
})

test('S3: a server that is busy, or hangs up, is asked again', async () => {
  await using house = await BackupHouse.make()
  await using server = await S3Server.start()
  const target = targetAt(server)
  let count = 0
  const failing = new Set<string>()
  server.fault = ({ method, key }) => {
    // Each request fails twice, in another way.
    const what = `${method} ${key}`
    if (failing.has(`${what} again`)) return undefined
    const again = failing.has(what)
    failing.add(again ? `${what} again` : what)
    count++
    return again ? 'unavailable' : 'drop'
  }
  assert.deepEqual((await house.backUp({}, target)).problems, [])
  assert.ok(count > 8)
  server.fault = ({ method, key }) => {
    if (method !== 'GET' || key === '' || failing.has(`broken ${key}`) || key.includes('manifests')) return undefined
    failing.add(`broken ${key}`)
    return 'break off'
  }
  const { into, problems } = await house.restored(undefined, target)
  assert.deepEqual(problems, [])
  assert.deepEqual(await house.subjects('anna', into), ['anna'])
})

test('S3: what is kept otherwise than it was sent is noticed, by the checksum and by reading it back', async () => {
  await using house = await BackupHouse.make()
  await using server = await S3Server.start()
  server.fault = ({ method }) => (method === 'PUT' ? 'keep another' : undefined)
  for (const readBack of [false, true]) {
    const target = targetAt(server, { readBack })
    await assert.rejects(house.backUp({}, target), {
      name: 'StoreError',
      code: 'damaged',
      message: /not what was sent/,
    })
    assert.deepEqual(await listBackups(target), [])
    server.objects.clear()
  }
})

test('S3: a wrong key, a bucket that is not there and a server that is away are told by name', async () => {
  await using house = await BackupHouse.make()
  await using server = await S3Server.start()
  const wrong = {
    name: 'RefusedError',
    reason: 'bad-login',
    message: /s3:\/\/mail.*SignatureDoesNotMatch.*check the keys/,
  }
  await assert.rejects(house.backUp({}, targetAt(server, { secret: 'another' })), wrong)
  const nowhere = { name: 'RefusedError', message: /s3:\/\/nowhere.*NoSuchBucket/ }
  await assert.rejects(house.backUp({}, targetAt(server, { url: 's3://nowhere' })), nowhere)
  const target = targetAt(server)
  await server[Symbol.asyncDispose]()
  await assert.rejects(house.backUp({}, target), { name: 'PeerError', code: 'unreachable' })
})

test('S3: where a bucket is', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
  const base = (url: string, options: object, environment: object): string =>
    s3Place(url, options, { ...keys, ...environment }).base
  assert.equal(base('s3://mail/x', {}, { AWS_REGION: 'eu-south-1' }), 'https://mail.s3.eu-south-1.amazonaws.com/')
  assert.equal(base('s3://my.mail', { region: 'eu-west-3' }, {}), 'https://s3.eu-west-3.amazonaws.com/my.mail/')
  assert.equal(base('s3://mail', { endpoint: 'https://s3.example.it/' }, {}), 'https://s3.example.it/mail/')
  assert.equal(base('s3://mail', {}, { AWS_ENDPOINT_URL: 'http://127.0.0.1:9000' }), 'http://127.0.0.1:9000/mail/')
  const refused = (message: RegExp): object => ({ name: 'MisuseError', message })
  assert.throws(() => base('s3://mail', { endpoint: 'http://s3.example.it' }, {}), refused(/for everybody to read/))
  assert.throws(() => base('s3://', {}, {}), refused(/s3:\/\/bucket\/prefix/))
  assert.throws(() => base('s3://mail/../x', {}, {}), refused(/s3:\/\/bucket\/prefix/))
  assert.throws(() => base('s3://mail', {}, { AWS_SECRET_ACCESS_KEY: '' }), refused(/AWS_SECRET_ACCESS_KEY/))
})
