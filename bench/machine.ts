import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { run } from '../test/peers/run.ts'
import { median, root } from './harness.ts'

/** What the figures were made on and with, a line each. */
export async function describeMachine(work: string): Promise<string[]> {
  const first = async (command: string, ...words: string[]): Promise<string> => {
    try {
      const { stdout, stderr } = await run(command, words)
      return (stdout || stderr).split('\n')[0]?.trim() ?? ''
    } catch {
      return 'not installed'
    }
  }
  const commit = await first('git', '-C', root, 'describe', '--always', '--dirty', '--exclude=*')
  const fetchmail = await run('fetchmail', ['--version']).catch(() => undefined)
  const version = /release (\S+?)\+/.exec(fetchmail?.stdout ?? '')?.[1] ?? 'not installed'
  return [
    `Date: ${new Date().toISOString().slice(0, 10)}; Postino at commit ${commit}; Node.js ${process.versions.node}`,
    `Machine: ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    `Disk: ${await first('stat', '-f', '-c', '%T', work)}; one fsync of 4 KiB takes ${(fsyncTime(work) * 1e6).toFixed(0)} µs (median of 200)`,
    `Peers: Dovecot ${(await first('dovecot', '--version')).split(' ')[0]}; ${(await first('mpop', '--version')).replace('version ', '')}; ` +
      `fetchmail ${version}; ${await first('getmail', '--version')}`,
  ]
}

function fsyncTime(folder: string): number {
  const path = join(folder, 'fsync')
  const file = openSync(path, 'w')
  const block = Buffer.alloc(4096)
  const times: number[] = []
  try {
    for (let i = 0; i < 200; i++) {
      const started = performance.now()
      writeSync(file, block)
      fsyncSync(file)
      times.push((performance.now() - started) / 1000)
    }
  } finally {
    closeSync(file)
    rmSync(path)
  }
  return median(times)
}
