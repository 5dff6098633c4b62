import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const unpacked = fileURLToPath(new URL('unpacked', import.meta.url))

/** What is laid over this machine's root: an unpacked package, then what `script` writes. Nothing of it is seen outside. */
const preparation = `
upper=$1/root folder=$2 script=$3
tmp=$folder/own-root
mkdir -p "$tmp"
mount -t tmpfs tmpfs "$tmp"
mkdir "$tmp/upper" "$tmp/work" "$tmp/root"
cp -a "$upper/." "$tmp/upper/"
mount -t overlay overlay -o "lowerdir=/,upperdir=$tmp/upper,workdir=$tmp/work" "$tmp/root"
mount --rbind /dev "$tmp/root/dev"
mount -t proc proc "$tmp/root/proc"
mount -t tmpfs tmpfs "$tmp/root/run"
mkdir -p "$tmp/root/own"
mount --bind "$folder" "$tmp/root/own"
# Not exec: this shell is the first process of the namespace and stays root's. When it is killed, all that is in there ends,
# also what has become another user and so would outlive it.
chroot "$tmp/root" sh -euc "$script"
exit $?
`

/** Why an unpacked server cannot be run here; undefined: it can. */
export async function peerFault(name: 'courier' | 'cyrus'): Promise<string | undefined> {
  if (!existsSync(`${unpacked}/${name}/whole`)) return `${name} is not there (test/peers/install.sh unpacks it)`
  if (process.getuid?.() !== 0) return `${name} needs root`
  const child = spawn('unshare', ['--mount', '--pid', '--fork', 'true'], { stdio: 'ignore' })
  const code = await new Promise((resolve) => child.once('close', resolve).once('error', resolve))
  return code === 0 ? undefined : `${name} needs a root of its own, and none can be made here`
}

/**
 * Runs a shell script, as root, in a root directory of its own: this machine's, with an unpacked server laid over it. `folder` is
 * /own there. Whatever the script starts ends with it.
 */
export function startInOwnRoot(name: 'courier' | 'cyrus', folder: string, script: string): ChildProcess {
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private']
  return spawn('unshare', [...namespaces, 'sh', '-euc', preparation, 'sh', `${unpacked}/${name}`, folder, script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
