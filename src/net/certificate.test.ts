import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { makeCertificate, ownCertificate, readCertificate } from './certificate.ts'

async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'postino-certificate-'))
  t.after(() => rm(made, { recursive: true, force: true }))
  return join(made, 'tls')
}

test('a client that trusts the certificate we make gets a verified TLS 1.3 connection, by name and by address', async (t) => {
  const own = makeCertificate()
  const server = createServer({ cert: own.cert, key: own.key }, (socket) => socket.end('hello'))
  t.after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  for (const servername of ['localhost', '']) {
    const socket: TLSSocket = connect({
      host: '127.0.0.1',
      port: address.port,
      ca: own.cert,
      ...(servername && { servername }),
    })
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    assert.equal(socket.authorized, true)
    socket.destroy()
  }
})

test('the certificate is for this machine, for ten years, and can sign no other', () => {
  const now = Date.UTC(2045, 0, 1) // so that it ends after 2049, where the form of a date changes
  const { cert, expires } = makeCertificate(now)
  const parsed = new X509Certificate(cert)
  assert.equal(parsed.ca, false)
  assert.equal(parsed.checkHost('localhost'), 'localhost')
  assert.equal(parsed.checkIP('127.0.0.1'), '127.0.0.1')
  assert.equal(parsed.checkIP('::1'), '::1')
  assert.equal(parsed.verify(parsed.publicKey), true)
  assert.equal(Date.parse(parsed.validTo), expires)
  assert.equal(new Date(expires).getUTCFullYear(), 2055)
})

test('it is made once, with a key that only its owner may read', async (t) => {
  const tls = await folder(t)
  const first = await ownCertificate(tls)
  const second = await ownCertificate(tls)
  assert.equal(first.cert, second.cert)
  assert.equal((await stat(join(tls, 'key.pem'))).mode & 0o777, 0o600)
  await rm(join(tls, 'certificate.pem'))
  assert.notEqual((await ownCertificate(tls)).cert, first.cert)
  await chmod(join(tls, 'key.pem'), 0o644)
  await assert.rejects(ownCertificate(tls), /key\.pem can be read by others.*chmod 600/)
})

test('given files are read; a wrong one is named', async (t) => {
  const tls = await folder(t)
  await ownCertificate(tls)
  const [certificate, key] = [join(tls, 'certificate.pem'), join(tls, 'key.pem')]
  const read = await readCertificate(certificate, key)
  assert.match(read.cert, /BEGIN CERTIFICATE/)
  await assert.rejects(readCertificate(join(tls, 'none.pem'), key), /none\.pem, which tls\.certificate names/)
  await assert.rejects(readCertificate(key, key), /key\.pem is not a certificate/)
  await assert.rejects(readCertificate(certificate, certificate), /certificate\.pem is not a private key/)
  const other = join(tls, 'other.pem')
  await writeFile(other, makeCertificate().key)
  await assert.rejects(readCertificate(certificate, other), /other\.pem is not the key of/)
})

test('a chain with a broken certificate in it is refused when it is read, not at each connection', async (t) => {
  const tls = await folder(t)
  const { cert } = await ownCertificate(tls)
  const chain = join(tls, 'chain.pem')
  await writeFile(chain, `${cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`)
  await assert.rejects(readCertificate(chain, join(tls, 'key.pem')), /chain\.pem cannot be used for TLS \(/)
})
